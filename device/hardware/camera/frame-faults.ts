import { createHash } from 'node:crypto';
import { type Fault, failed } from '../../kit/errors.js';
import type { CameraFault, Frame } from './camera.js';

/** Notices a camera that sends the same image again. Sensor noise makes two images of a working camera differ. */
export class IdenticalFrames {
  #fault: Fault<CameraFault> | null = null;
  #last = { digest: '', capturedAtMs: 0 };
  #count = 1;

  constructor(private readonly limit: number) {}

  get fault(): Fault<CameraFault> | null {
    return this.#fault;
  }

  /** Returns the fault if this frame is one too many of the same image. */
  check({ bytes, capturedAtMs }: Frame): Fault<CameraFault> | null {
    if (this.limit === 0 || capturedAtMs === this.#last.capturedAtMs) return this.#fault;
    const digest = createHash('sha1').update(bytes).digest('hex');
    this.#count = digest === this.#last.digest ? this.#count + 1 : 1;
    this.#last = { digest, capturedAtMs };
    this.#fault =
      this.#count < this.limit
        ? null
        : failed(
            'camera-frozen',
            `the camera sent the same image ${this.limit} times. Disconnect and connect the camera. If the image comes from a file, set camera.identicalFrames to 0.`,
          ).fault;
    return this.#fault;
  }
}

/** Number of requests in a row. */
const MAX_OLD = 3;

/**
 * Notices frames that arrive, but never become newer than the request: the latency is too large, or the times of the
 * driver are wrong.
 */
export class OldFrames {
  #newestMs = Number.NEGATIVE_INFINITY;
  #count = 0;

  /**
   * Returns the fault after too many requests in a row. Call it after a request for a frame after `atMs` has missed its
   * deadline. `newest`: the newest frame of the camera.
   */
  check({ capturedAtMs }: Frame, atMs: number): Fault<CameraFault> | null {
    const isOld = capturedAtMs > this.#newestMs && capturedAtMs <= atMs;
    this.#newestMs = capturedAtMs;
    this.#count = isOld ? this.#count + 1 : 0;
    return this.#count < MAX_OLD
      ? null
      : failed(
          'camera-no-frame',
          'frames arrive, but each is older than the trigger. Reduce camera.latencyMs, or check the clock of the driver.',
        ).fault;
  }

  /** Call it after a request that was answered. */
  reset(): void {
    this.#count = 0;
  }
}
