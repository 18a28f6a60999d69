import type { Clock } from '../../kit/clock.js';
import { DeadlineExceeded, sleep, within } from '../../kit/deadline.js';
import { RepositoryError } from './errors.js';

/** Limits of one transfer. */
export interface PaceLimits {
  /** Longest wait for the next bytes, in milliseconds. */
  readonly stallMs: number;
  /** Minimum average rate, after the first `stallMs`. */
  readonly minBytesPerSecond: number;
  /** Maximum rate. null: as fast as possible. */
  readonly maxBytesPerSecond: number | null;
}

/** The pace of one transfer. Only waits for the sender count against it: our own pauses do not. */
export class Pace {
  #bytes = 0;
  #waitedMs = 0;
  #pausedUntilMs = 0;

  constructor(
    private readonly clock: Clock,
    private readonly limits: PaceLimits,
  ) {}

  /** Waits for the sender. @throws RepositoryError `update-too-slow`, the signal's reason, or what `promise` throws */
  async wait<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
    const { stallMs, minBytesPerSecond } = this.limits;
    const earnedMs = (this.#bytes / minBytesPerSecond) * 1000;
    const limitMs = Math.min(stallMs, stallMs + earnedMs - this.#waitedMs);
    const fromMs = this.clock.monotonicMs();
    try {
      return await within(this.clock, limitMs, promise, signal);
    } catch (thrown) {
      if (!(thrown instanceof DeadlineExceeded)) throw thrown;
      const seconds = Math.round((this.#waitedMs + limitMs) / 1000);
      throw new RepositoryError(
        'update-too-slow',
        `only ${this.#bytes} bytes in ${seconds} s. Check the network.`,
      );
    } finally {
      this.#waitedMs += this.clock.monotonicMs() - fromMs;
    }
  }

  /** Counts bytes that arrived, and pauses if they arrived faster than allowed. */
  async received(bytes: number, signal: AbortSignal): Promise<void> {
    this.#bytes += bytes;
    const { maxBytesPerSecond } = this.limits;
    if (maxBytesPerSecond === null) return;
    const nowMs = this.clock.monotonicMs();
    this.#pausedUntilMs = Math.max(nowMs, this.#pausedUntilMs) + (bytes / maxBytesPerSecond) * 1000;
    await sleep(this.clock, this.#pausedUntilMs - nowMs, signal);
  }
}
