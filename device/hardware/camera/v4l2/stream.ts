import type { Clock } from '../../../kit/clock.js';
import { orAborted, untilAborted } from '../../../kit/deadline.js';
import { deferred } from '../../../kit/deferred.js';
import type { NewId } from '../../../kit/ids.js';
import type { CameraInfo, CameraSettings, Frame, FrameFormat } from '../camera.js';
import { completeJpeg } from '../jpeg.js';
import type { CameraStream } from '../supervised-camera.js';
import type { CameraProcess, Reply } from './process.js';

export interface V4l2StreamOptions {
  readonly info: CameraInfo;
  /** null: JPEG. */
  readonly format: FrameFormat | null;
  /** Time without a frame after which the program reports a fault. */
  readonly freezeMs: number;
  readonly clock: Clock;
  readonly newId: NewId;
}

interface Waiter {
  readonly atMs: number;
  readonly resolve: (frame: Frame) => void;
}

/** Maximum interval at which the process is checked, also that of an idle camera. */
const CHECK_MS = 5_000;

/** The frames of a sortbin-camera process that is ready. */
export class V4l2Stream implements CameraStream {
  readonly info: CameraInfo;
  readonly ended: CameraProcess['ended'];
  readonly #waiters = new Set<Waiter>();
  /** The request for a frame that has no reply yet. The program keeps only the newest one. */
  #asked: { readonly atMs: number } | null = null;
  #cancelCheck: () => void = () => {};

  constructor(
    private readonly process: CameraProcess,
    private readonly options: V4l2StreamOptions,
  ) {
    this.info = options.info;
    this.ended = process.ended;
    this.#scheduleCheck(CHECK_MS);
    this.ended.then(() => this.#cancelCheck());
  }

  frameAfter(atMs: number, signal: AbortSignal): Promise<Frame> {
    const { promise, resolve } = deferred<Frame>();
    const waiter = { atMs, resolve };
    this.#waiters.add(waiter);
    this.#ask();
    return orAborted(promise, signal).finally(() => this.#waiters.delete(waiter));
  }

  async latest(signal: AbortSignal): Promise<Frame> {
    const reply = await orAborted(this.process.send('latest'), signal);
    return reply.type === 'frame' ? this.#frameOf(reply) : this.frameAfter(0, signal);
  }

  async settings(signal: AbortSignal): Promise<CameraSettings> {
    const answer = await orAborted(this.process.controls(), signal);
    // Without an answer, the process has ended.
    return answer.ok ? { kind: 'controls', controls: answer.value } : untilAborted(signal);
  }

  kill(reason: string): void {
    this.process.kill(reason);
  }

  close(): Promise<void> {
    return this.process.close();
  }

  /** Asks for the frame of the caller with the earliest time. The others receive it too if it is new enough for them. */
  #ask(): void {
    const { clock, freezeMs, info } = this.options;
    const atMs = Math.min(...[...this.#waiters].map((waiter) => waiter.atMs));
    if (this.#waiters.size === 0 || (this.#asked && this.#asked.atMs <= atMs)) return;
    const asked = { atMs };
    this.#asked = asked;
    const eventMs = Math.max(0, atMs + info.latencyMs);
    this.#scheduleCheck(Math.max(0, eventMs - clock.monotonicMs()) + freezeMs);
    this.process.send(`after ${Math.ceil(eventMs * 1e6)}`, Infinity).then((reply) => {
      if (this.#asked === asked) this.#asked = null;
      if (reply.type === 'frame') this.#deliver(this.#frameOf(reply));
      // After another reply, a newer request has replaced this one, or the process has ended.
      if (reply.type === 'frame') this.#ask();
    });
  }

  #deliver(frame: Frame): void {
    for (const waiter of this.#waiters) {
      if (waiter.atMs >= frame.capturedAtMs) continue;
      this.#waiters.delete(waiter);
      waiter.resolve(frame);
    }
  }

  #frameOf({ atNs, bytes }: Reply & { readonly type: 'frame' }): Frame {
    const { clock, newId, format, info } = this.options;
    const capturedAtMs = Number(atNs) / 1e6 - info.latencyMs;
    const capturedAtWallMs = Math.round(clock.wallMs() - (clock.monotonicMs() - capturedAtMs));
    const frame = { id: newId(), capturedAtMs, capturedAtWallMs };
    return format ? { ...frame, bytes, format } : { ...frame, bytes: completeJpeg(bytes) };
  }

  /** The program may wait for a newer frame, but must reply to another command. A process that hangs is killed. */
  #scheduleCheck(delayMs: number): void {
    this.#cancelCheck();
    this.#cancelCheck = this.options.clock.after(Math.min(delayMs, CHECK_MS), () =>
      this.process.send('latest').then((reply) => {
        if (reply.type !== 'error' || reply.code !== 'ended') this.#scheduleCheck(CHECK_MS);
      }),
    );
  }
}
