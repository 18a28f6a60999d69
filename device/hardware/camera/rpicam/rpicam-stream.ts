import { spawn } from 'node:child_process';
import { whenOverdue, withDeadline } from '../../../kit/deadline.js';
import { done } from '../../../kit/errors.js';
import type { NewId } from '../../../kit/ids.js';
import { SupervisedProcess, type SupervisedProcessOptions } from '../../../kit/supervised-process.js';
import type { CameraFault, CameraInfo, CameraSettings, Frame, LibcameraSettings } from '../camera.js';
import { completeJpeg } from '../jpeg.js';
import { RecentFrames } from '../recent-frames.js';
import type { CameraStream } from '../supervised-camera.js';
import { type RpicamSettings, rpicamArguments } from './arguments.js';
import { type Rejection, rpicamFault } from './faults.js';
import { ImageReader } from './image-reader.js';
import { type Exposure, exposureOf, settingsOf } from './metadata.js';

export interface RpicamStreamOptions
  extends Pick<SupervisedProcessOptions<CameraFault>, 'startMs' | 'signal' | 'clock' | 'log'> {
  /** Path of rpicam-vid, or its name. */
  readonly program: string;
  readonly settings: RpicamSettings;
  /** Replaces the settings that are `auto`. */
  readonly locked: LibcameraSettings | null;
  /** Time without a good frame after which the camera counts as frozen. */
  readonly freezeMs: number;
  /** Number of images that are skipped after the start: their exposure is not adjusted yet. */
  readonly dropFrames: number;
  /** Is subtracted from the time of each frame. */
  readonly latencyMs: number;
  readonly newId: NewId;
}

/** rpicam-vid looks at SIGINT after a whole frame only: event_loop in apps/rpicam_vid.cpp. */
const EXIT_MS = 700;
const KILLED_EXIT_MS = 250;
/** A JPEG has fewer bytes than the uncompressed image and its headers. */
const MAX_BYTES_PER_PIXEL = 3;
const MAX_HEADER_BYTES = 64 * 1024;

/** One process of rpicam-vid, from spawn to exit. It is ready with its first good frame. */
export class RpicamStream extends SupervisedProcess<CameraInfo, CameraFault> implements CameraStream {
  readonly #stream: RpicamStreamOptions;
  readonly #frames = new RecentFrames();
  readonly #reader: ImageReader;
  #hasFrame = false;
  #lastFrameStartMs = Number.NEGATIVE_INFINITY;
  #lastRecord = '';
  #rejection: Rejection | null = 'no-time';
  #cancelFreeze = () => {};

  constructor(stream: RpicamStreamOptions) {
    const { program, settings, locked, dropFrames } = stream;
    const seen: { rejection: Rejection | null } = { rejection: null };
    super({
      ...stream,
      name: 'rpicam-vid',
      // Detached, so that Ctrl-C reaches only the daemon. Without a language, its messages are in English.
      spawn: () =>
        spawn(program, rpicamArguments(settings, locked), {
          stdio: ['ignore', 'pipe', 'pipe'],
          detached: true,
          env: { PATH: process.env.PATH },
        }),
      ownsGroup: true,
      faults: { ended: 'camera-failed', late: 'camera-no-frame' },
      toFault: (code, reason, lines) => rpicamFault(code, reason, lines, seen.rejection, dropFrames),
      outputLevel: 'debug',
    });
    this.#stream = stream;
    const maxBytes = settings.width * settings.height * MAX_BYTES_PER_PIXEL + MAX_HEADER_BYTES;
    this.#reader = new ImageReader(maxBytes, (jpeg, record) => this.#onImage(jpeg, record));
    // The pipe is always read: rpicam-vid must never wait.
    this.child?.stdout?.on('data', (chunk: Buffer) => {
      this.#reader.push(chunk);
      if (this.#reader.images > 0) seen.rejection = this.#rejection;
    });
    this.ended.then(() => this.#cancelFreeze());
  }

  get info(): CameraInfo {
    const { settings, latencyMs } = this.#stream;
    const { width, height, framesPerSecond, camera } = settings;
    return {
      ...{ driver: 'rpicam', model: sensorOf(this.lines, camera), size: { width, height }, format: 'jpeg' },
      ...{ framesPerSecond, clock: 'exposure', latencyMs },
    };
  }

  /** The settings of the newest image. */
  get newestSettings(): LibcameraSettings {
    return settingsOf(this.#lastRecord);
  }

  frameAfter(atMs: number, signal: AbortSignal): Promise<Frame> {
    return this.#frames.after(atMs, signal);
  }

  latest(signal: AbortSignal): Promise<Frame> {
    return this.#frames.latest(signal);
  }

  async settings(): Promise<CameraSettings> {
    return { kind: 'libcamera', ...this.newestSettings };
  }

  async close(): Promise<void> {
    this.child?.kill('SIGINT');
    await this.untilExit(EXIT_MS);
    await this.untilFree();
  }

  /** Waits until a process that was killed has released the camera. */
  async untilFree(): Promise<void> {
    const { clock, log } = this.#stream;
    await withDeadline(clock, KILLED_EXIT_MS, () => this.exited).catch(() =>
      log.warn({ part: 'camera', childPid: this.pid }, 'rpicam-vid was killed and still runs'),
    );
  }

  /** A frame without a plausible time is never delivered. */
  #onImage(jpeg: Buffer, record: string): void {
    const { clock, latencyMs, newId } = this.#stream;
    const exposure = exposureOf(record);
    const nowMs = clock.monotonicMs();
    this.#rejection = this.#rejectionOf(exposure, nowMs);
    if (!exposure || (this.#rejection && this.#rejection !== 'dropped')) return;
    this.#lastFrameStartMs = exposure.frameStartMs;
    this.#lastRecord = record;
    if (this.fault || this.#rejection) return;
    const capturedAtMs = exposure.startMs - latencyMs;
    const capturedAtWallMs = clock.wallMs() - (nowMs - capturedAtMs);
    this.#frames.add({ id: newId(), bytes: completeJpeg(jpeg), capturedAtMs, capturedAtWallMs });
    this.#expectFrame();
    if (!this.#hasFrame) this.settleReady(done(this.info));
    this.#hasFrame = true;
  }

  #rejectionOf(exposure: Exposure | null, nowMs: number): Rejection | null {
    if (!exposure) return 'no-time';
    if (exposure.frameStartMs > nowMs) return 'future';
    if (exposure.frameStartMs <= this.#lastFrameStartMs) return 'repeated';
    return this.#reader.images <= this.#stream.dropFrames ? 'dropped' : null;
  }

  #expectFrame(): void {
    const { clock, freezeMs } = this.#stream;
    this.#cancelFreeze();
    this.#cancelFreeze = whenOverdue(clock, freezeMs, () =>
      this.kill(`delivered no frame for ${freezeMs} ms`, 'camera-frozen'),
    );
  }
}

/**
 * Returns the name of the sensor. libcamera logs the id of each camera, which ends with the sensor and its I2C address:
 * registerCamera in src/libcamera/pipeline/rpi. rpicam-apps numbers the ids in descending order: GetCameras in
 * core/rpicam_app.hpp.
 */
const sensorOf = (lines: readonly string[], camera: number): string => {
  const ids = lines.flatMap((line) => /Registered camera (\S+)/.exec(line)?.[1] ?? []);
  const id = [...new Set(ids)].sort().reverse()[camera];
  return id?.split('/').at(-1)?.split('@')[0] ?? `camera ${camera}`;
};
