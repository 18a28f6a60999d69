import type { Camera, CameraSettings, Frame } from '../../hardware/camera/camera.js';
import type { Light } from '../../hardware/panel/panel.js';
import type { Clock } from '../../kit/clock.js';
import { linkedSignal, withDeadline } from '../../kit/deadline.js';
import { type Answer, done, failed, messageOf } from '../../kit/errors.js';
import type { FrameQuality, Vision } from '../../perception/vision/vision.js';

export interface CameraMeterOptions {
  /** Started. */
  readonly camera: Camera;
  /** Deadline in ms for a frame. */
  readonly frameMs: number;
  readonly inspector: Pick<Vision, 'inspect' | 'toJpeg'>;
  /** Turned on for each frame, as in the cycle. null: none. */
  readonly light: Light | null;
  readonly clock: Clock;
}

export interface MeasuredFrame {
  readonly frame: Frame;
  readonly quality: FrameQuality;
  /** Age in ms of the frame when it was received. */
  readonly ageMs: number;
}

const INSPECT_MS = 10_000;

/** Takes and measures frames. Each wait has a deadline, and rejects with the signal's reason on an abort. */
export class CameraMeter {
  constructor(private readonly options: CameraMeterOptions) {}

  async measure(signal: AbortSignal): Promise<Answer<MeasuredFrame>> {
    const { clock } = this.options;
    const frame = await this.#lit(signal, (inner) => this.#nextFrame(inner));
    if (!frame.ok) return frame;
    const ageMs = clock.monotonicMs() - frame.value.capturedAtMs;
    const quality = await this.qualityOf(frame.value, signal);
    return quality.ok ? done({ frame: frame.value, quality: quality.value, ageMs }) : quality;
  }

  /** Returns the settings of a camera that shows the lit scene. null: the driver reports none. */
  settings(signal: AbortSignal): Promise<Answer<CameraSettings | null>> {
    return this.#lit<CameraSettings | null>(signal, async (inner) => {
      const frame = await this.#nextFrame(inner);
      return frame.ok ? this.options.camera.settings(inner) : frame;
    });
  }

  qualityOf(frame: Frame, signal: AbortSignal): Promise<Answer<FrameQuality>> {
    const { inspector } = this.options;
    return this.#limited(INSPECT_MS, signal, (inner) => inspector.inspect(frame, inner));
  }

  /** Returns the frame as an image file. */
  async fileOf(frame: Frame, signal: AbortSignal): Promise<Answer<Uint8Array>> {
    const { inspector } = this.options;
    if (!frame.format) return done(frame.bytes);
    return this.#limited(INSPECT_MS, signal, (inner) => inspector.toJpeg(frame, inner));
  }

  /** Calls `work` while the light is on. */
  async #lit<T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<Answer<T>>): Promise<Answer<T>> {
    const { light, frameMs } = this.options;
    const lit = linkedSignal(signal);
    try {
      const on = light && (await light.on(lit.signal));
      return on && !on.ok ? on : await this.#limited(frameMs, signal, work);
    } finally {
      lit.abort(new Error('the light is not needed any more'));
      lit.release();
    }
  }

  #nextFrame(signal: AbortSignal): Promise<Answer<Frame>> {
    const { camera, clock } = this.options;
    return camera.frameAfter(clock.monotonicMs(), signal);
  }

  async #limited<T>(
    deadlineMs: number,
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<Answer<T>>,
  ): Promise<Answer<T>> {
    try {
      return await withDeadline(this.options.clock, deadlineMs, work, signal);
    } catch (thrown) {
      signal.throwIfAborted();
      return failed('camera-timeout', messageOf(thrown));
    }
  }
}
