import type { BackoffLimits } from '../../kit/backoff.js';
import type { Clock } from '../../kit/clock.js';

/** Limits of the delay between two attempts. */
export const RETRY_LIMITS: BackoffLimits = { minMs: 100, maxMs: 30_000 };

/** Returns nanoseconds of the kernel's CLOCK_MONOTONIC. */
export const nowNs = (clock: Clock): bigint => BigInt(Math.round(clock.monotonicMs() * 1e6));

/** Returns whole microseconds. */
export const toUs = (ms: number): number => Math.round(ms * 1000);
