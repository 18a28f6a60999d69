import type { Clock } from '../../kit/clock.js';
import { sleep } from '../../kit/deadline.js';
import { SerialQueue } from '../../kit/serial-queue.js';
import { INTERVAL_MS } from './ultrasonic-timing.js';

/**
 * Makes the ultrasonic sensors of a bin take turns, because each one receives the echoes of the others. Measurements
 * run one at a time, in the order of the requests, and start only after the previous echoes have faded.
 */
export class EchoArbiter {
  readonly #queue = new SerialQueue();
  #nextStartMs = -Infinity;

  constructor(private readonly clock: Clock) {}

  /** Runs `measure` in its turn. Rejects with the signal's reason if the signal is aborted while it waits. */
  run<T>(signal: AbortSignal, measure: () => Promise<T>): Promise<T> {
    return this.#queue.run(signal, async () => {
      const waitMs = this.#nextStartMs - this.clock.monotonicMs();
      if (waitMs > 0) await sleep(this.clock, waitMs, signal);
      this.#nextStartMs = this.clock.monotonicMs() + INTERVAL_MS;
      return measure();
    });
  }
}
