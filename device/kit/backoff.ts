export interface BackoffLimits {
  readonly minMs: number;
  readonly maxMs: number;
}

/** Returns the delay before attempt `attempt`, from 0: `minMs`, doubled for each attempt, at most `maxMs`. */
export const backoffMs = (attempt: number, { minMs, maxMs }: BackoffLimits): number =>
  Math.min(maxMs, minMs * 2 ** attempt);

/**
 * Exponential back-off. With `random`, each delay is random, between `minMs` and a ceiling that doubles up to `maxMs`.
 * Without that jitter, all bins of a broker would reconnect at the same time.
 */
export class Backoff {
  #attempts = 0;

  constructor(
    private readonly limits: BackoffLimits,
    /** Returns a number from 0 to below 1. Undefined: no jitter. */
    private readonly random?: () => number,
  ) {}

  nextMs(): number {
    const attempt = this.#attempts++;
    if (!this.random) return backoffMs(attempt, this.limits);
    const { minMs } = this.limits;
    return minMs + this.random() * Math.max(0, backoffMs(attempt + 1, this.limits) - minMs);
  }

  reset(): void {
    this.#attempts = 0;
  }
}
