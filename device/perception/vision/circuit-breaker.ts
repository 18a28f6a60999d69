import type { SkippedRuntime } from '../inference/runtimes.js';

/** A first failure may be chance or a hostile picture; twice in a row without an answered frame is not. */
const STRIKES = 2;
const FIRST_REST_MS = 60_000;
const LONGEST_REST_MS = 3_600_000;

interface Record {
  /** Failures in a row. */
  strikes: number;
  /** How often it was barred since it last answered a frame. */
  times: number;
  why: string | null;
}

/** Runtimes, by title, that failed too often and rest before they are tried again. Pure: time is the caller's. */
export class CircuitBreaker {
  readonly #records = new Map<string, Record>();

  /** Whether that was one too many: it is barred now. */
  recordFailure(title: string, why: string): boolean {
    const record = this.#of(title);
    record.strikes += 1;
    if (record.strikes < STRIKES) return false;
    this.open(title, `failed ${record.strikes} times in a row: ${why}`);
    return true;
  }

  open(title: string, why: string): void {
    const record = this.#of(title);
    record.why = why;
    record.times += 1;
  }

  recordSuccess(title: string): void {
    this.#records.delete(title);
  }

  /** For the child: what not to try, `but` one that is to be given another chance. */
  skipped(but?: string): SkippedRuntime[] {
    return [...this.#records].flatMap(([runtime, { why, times }]) =>
      why === null || runtime === but
        ? []
        : [{ runtime, why: `${why}; tried again after ${restMs(times) / 1000} s`, code: 'barred' }],
    );
  }

  /** The rest of one that is barred; null where it is not. */
  restMs(title: string): number | null {
    const record = this.#records.get(title);
    return record?.why ? restMs(record.times) : null;
  }

  #of(title: string): Record {
    const record = this.#records.get(title) ?? { strikes: 0, times: 0, why: null };
    this.#records.set(title, record);
    return record;
  }
}

const restMs = (times: number): number => Math.min(FIRST_REST_MS * 2 ** (times - 1), LONGEST_REST_MS);
