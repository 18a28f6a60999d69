import type { Clock } from '../../kit/clock.js';

/** Time for an event loop that was blocked to read the answers that arrived meanwhile. */
const GRACE_MS = 20;

const FIRST_DELAY_MS = 100;
export const MAX_DELAY_MS = 30_000;

/** Returns nanoseconds of the kernel's CLOCK_MONOTONIC. */
export const nowNs = (clock: Clock): bigint => BigInt(Math.round(clock.monotonicMs() * 1e6));

/** Returns whole microseconds. */
export const toUs = (ms: number): number => Math.round(ms * 1000);

/**
 * Runs `task` if something did not happen within `delayMs`. Returns a function that cancels it.
 * After a block, the event loop runs timers before it reads input. The grace time lets a late answer in first.
 */
export const whenOverdue = (clock: Clock, delayMs: number, task: () => void): (() => void) => {
  let cancel = clock.after(delayMs, () => {
    cancel = clock.after(GRACE_MS, task);
  });
  return () => cancel();
};

/** Delays between attempts: 100 ms, doubled each time, at most 30 s. */
export class Backoff {
  #attempts = 0;

  nextMs(): number {
    return Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** this.#attempts++);
  }

  reset(): void {
    this.#attempts = 0;
  }
}
