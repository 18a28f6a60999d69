import type { Clock } from '../../kit/clock.js';

/** In which a blocked event loop, back at work, reads the answers that came meanwhile. */
const GRACE_MS = 20;

/** Now, in nanoseconds of the kernel's CLOCK_MONOTONIC. */
export const nowNs = (clock: Clock): bigint => BigInt(Math.round(clock.monotonicMs() * 1e6));

/** Whole microseconds. */
export const toUs = (ms: number): number => Math.round(ms * 1000);

/**
 * Runs `task` after `delayMs`, for something that has not come by then; the returned function cancels it. An event loop
 * that was blocked finds its timers before its mail, so the mail gets a turn before anybody is blamed.
 */
export const whenOverdue = (clock: Clock, delayMs: number, task: () => void): (() => void) => {
  let cancel = clock.after(delayMs, () => {
    cancel = clock.after(GRACE_MS, task);
  });
  return () => cancel();
};
