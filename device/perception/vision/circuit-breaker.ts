import { type BackoffLimits, backoffMs } from '../../kit/backoff.js';
import type { SkippedRuntime } from '../inference/runtimes.js';

/** One failure may be chance or a malicious image. Two in a row, without an answered frame between them, are not. */
const MAX_FAILURES = 2;
const COOLDOWN: BackoffLimits = { minMs: 60_000, maxMs: 3_600_000 };

/** Code of a runtime that is skipped because its breaker is open. */
const OPEN_CODE = 'barred';

/** Error codes of runtimes that may recover without a restart of the daemon. */
const RECOVERABLE = new Set([OPEN_CODE, 'edgetpu-no-device', 'edgetpu-refused', 'invoke-failed']);

interface RuntimeRecord {
  /** Failures in a row. */
  failures: number;
  /** How often the breaker has opened since the runtime last answered a frame. */
  openings: number;
  /** Why the breaker is open; null if it is closed. */
  why: string | null;
}

/**
 * Circuit breaker for runtimes, which are identified by title. A runtime that failed too often is skipped for a
 * cool-down time. Pure: the caller measures the time.
 */
export class CircuitBreaker {
  readonly #records = new Map<string, RuntimeRecord>();

  /** Returns whether this failure has opened the breaker of the runtime. */
  recordFailure(title: string, why: string): boolean {
    const record = this.#of(title);
    record.failures += 1;
    if (record.failures < MAX_FAILURES) return false;
    this.open(title, `${record.failures} failures in a row: ${why}`);
    return true;
  }

  open(title: string, why: string): void {
    const record = this.#of(title);
    record.why = why;
    record.openings += 1;
  }

  recordSuccess(title: string): void {
    this.#records.delete(title);
  }

  /** Returns the runtimes to skip, without the runtime `except`, which is tried again. */
  skipped(except?: string): SkippedRuntime[] {
    return [...this.#records].flatMap(([runtime, { why, openings }]) =>
      why === null || runtime === except
        ? []
        : [
            {
              runtime,
              why: `next attempt after ${cooldownMs(openings) / 1000} s. Reason: ${why}`,
              code: OPEN_CODE,
            },
          ],
    );
  }

  /** Returns the cool-down time of a runtime, or null if its breaker is closed. */
  cooldownMs(title: string): number | null {
    const record = this.#records.get(title);
    return record?.why ? cooldownMs(record.openings) : null;
  }

  #of(title: string): RuntimeRecord {
    const record = this.#records.get(title) ?? { failures: 0, openings: 0, why: null };
    this.#records.set(title, record);
    return record;
  }
}

const cooldownMs = (openings: number): number => backoffMs(openings - 1, COOLDOWN);

/** Returns the best skipped runtime that may recover. The runtimes are in the order of the chain, best first. */
export const findRecoverable = (skipped: readonly SkippedRuntime[]): SkippedRuntime | undefined =>
  skipped.find(({ code }) => code !== undefined && RECOVERABLE.has(code));
