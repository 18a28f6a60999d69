import type { BinEvent } from '../cycle/event.js';
import type { Observer } from '../cycle/observer.js';

/** Percentiles of the duration of a step, in milliseconds, and the number of items that they are from. */
export interface StepLatency {
  readonly p50: number;
  readonly p95: number;
  readonly items: number;
}

/** Enough for a p95. Older items say little about the bin now. */
const WINDOW = 200;

/** Keeps how long each step of the newest items took. The names are those of `timingsMs` of an event. */
export class Latency implements Observer {
  readonly #steps = new Map<string, number[]>();

  event({ timingsMs }: Pick<BinEvent, 'timingsMs'>): void {
    for (const [step, ms] of Object.entries(timingsMs)) {
      const durations = this.#steps.get(step) ?? [];
      this.#steps.set(step, durations);
      durations.push(ms);
      if (durations.length > WINDOW) durations.shift();
    }
  }

  /** Returns the percentiles by step, of the items since the start. */
  steps(): Record<string, StepLatency> {
    return Object.fromEntries(
      [...this.#steps].map(([step, durations]) => {
        const sorted = [...durations].sort((a, b) => a - b);
        return [step, { p50: percentile(sorted, 0.5), p95: percentile(sorted, 0.95), items: sorted.length }];
      }),
    );
  }
}

/** Nearest rank: the smallest value that at least this share of the values does not exceed. */
const percentile = (sorted: readonly number[], share: number): number =>
  sorted[Math.ceil(sorted.length * share) - 1] ?? 0;
