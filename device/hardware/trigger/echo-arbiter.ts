import type { Clock } from '../../kit/clock.js';
import { orAborted, sleep } from '../../kit/deadline.js';

/**
 * Ultrasonic sensors that share a bin hear each other: one measures at a time, in the order in which they asked, and
 * none before the echoes of the one before have died away.
 */
export class EchoArbiter {
  #last: Promise<unknown> = Promise.resolve();
  #freeAtMs = -Infinity;

  /** `restMs`: from the beginning of one turn to the beginning of the next, at least. */
  constructor(
    private readonly clock: Clock,
    private readonly restMs = 60,
  ) {}

  /** Waits for its turn; rejects with the signal's reason when aborted meanwhile, else settles as `work` does. */
  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    const before = this.#last;
    let end = () => {};
    const mine = new Promise<void>((resolve) => {
      end = resolve;
    });
    this.#last = Promise.all([before, mine]);
    try {
      await orAborted(before, signal);
      const waitMs = this.#freeAtMs - this.clock.monotonicMs();
      if (waitMs > 0) await sleep(this.clock, waitMs, signal);
      this.#freeAtMs = this.clock.monotonicMs() + this.restMs;
      return await work();
    } finally {
      end();
    }
  }
}
