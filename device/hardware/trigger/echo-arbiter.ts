import type { Clock } from '../../kit/clock.js';
import { orAborted, sleep } from '../../kit/deadline.js';

/** The minimum time from the start of one measurement to the start of the next. */
const INTERVAL_MS = 60;

/**
 * Makes the ultrasonic sensors of a bin take turns, because each one receives the echoes of the others. Measurements
 * run one at a time, in the order of the requests, and start only after the previous echoes have faded.
 */
export class EchoArbiter {
  #last: Promise<unknown> = Promise.resolve();
  #nextStartMs = -Infinity;

  constructor(private readonly clock: Clock) {}

  /** Runs `measure` in its turn. Rejects with the signal's reason if the signal is aborted while it waits. */
  async run<T>(signal: AbortSignal, measure: () => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    const previous = this.#last;
    let end = () => {};
    const current = new Promise<void>((resolve) => {
      end = resolve;
    });
    this.#last = Promise.all([previous, current]);
    try {
      await orAborted(previous, signal);
      const waitMs = this.#nextStartMs - this.clock.monotonicMs();
      if (waitMs > 0) await sleep(this.clock, waitMs, signal);
      this.#nextStartMs = this.clock.monotonicMs() + INTERVAL_MS;
      return await measure();
    } finally {
      end();
    }
  }
}
