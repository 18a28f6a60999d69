export interface BackoffLimits {
  readonly minMs: number;
  readonly maxMs: number;
}

/**
 * Exponential back-off with jitter. Each delay is random, between `minMs` and a ceiling that doubles up to `maxMs`.
 * Without jitter, all bins of a broker would reconnect at the same time.
 */
export class Backoff {
  #attempts = 0;

  constructor(
    private readonly limits: BackoffLimits,
    /** Returns a number from 0 to below 1. */
    private readonly random: () => number,
  ) {}

  nextMs(): number {
    const { minMs, maxMs } = this.limits;
    const ceilingMs = Math.min(maxMs, minMs * 2 ** ++this.#attempts);
    return minMs + this.random() * Math.max(0, ceilingMs - minMs);
  }

  reset(): void {
    this.#attempts = 0;
  }
}
