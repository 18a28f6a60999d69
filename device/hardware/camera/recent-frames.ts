import { orAborted } from '../../kit/deadline.js';
import { deferred } from '../../kit/deferred.js';
import type { Frame } from './camera.js';

/** Number of frames that are kept. */
const MAX_FRAMES = 2;

interface Request {
  readonly afterMs: number;
  readonly settle: (frame: Frame) => void;
}

/** Keeps the newest frames of a stream, and answers requests. A new frame replaces the oldest one. */
export class RecentFrames {
  readonly #frames: Frame[] = [];
  readonly #requests = new Set<Request>();

  /** Adds a frame. Its exposure began after that of all earlier ones. */
  add(frame: Frame): void {
    this.#frames.push(frame);
    if (this.#frames.length > MAX_FRAMES) this.#frames.shift();
    for (const request of this.#requests) if (frame.capturedAtMs > request.afterMs) request.settle(frame);
  }

  /** Returns the first frame whose exposure began after `atMs`. Rejects with the signal's reason. */
  async after(atMs: number, signal: AbortSignal): Promise<Frame> {
    signal.throwIfAborted();
    const frame = this.#frames.find(({ capturedAtMs }) => capturedAtMs > atMs);
    if (frame) return frame;
    const { promise, resolve } = deferred<Frame>();
    const request = { afterMs: atMs, settle: resolve };
    this.#requests.add(request);
    try {
      return await orAborted(promise, signal);
    } finally {
      this.#requests.delete(request);
    }
  }

  /** Returns the newest frame, or the first one if there is none yet. Rejects with the signal's reason. */
  async latest(signal: AbortSignal): Promise<Frame> {
    return this.#frames.at(-1) ?? this.after(Number.NEGATIVE_INFINITY, signal);
  }
}
