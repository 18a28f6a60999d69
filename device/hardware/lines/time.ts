import type { BackoffLimits } from '../../kit/backoff.js';
import type { Clock } from '../../kit/clock.js';

/** Time for an event loop that was blocked to read the answers that arrived meanwhile. */
const GRACE_MS = 20;

/** Limits of the delay between two attempts. */
export const RETRY_LIMITS: BackoffLimits = { minMs: 100, maxMs: 30_000 };

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
