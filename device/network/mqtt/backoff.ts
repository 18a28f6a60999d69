export interface BackoffLimits {
  readonly minMs: number;
  readonly maxMs: number;
}

/**
 * How long to wait before the next attempt: anywhere between the minimum and a ceiling that doubles up to the maximum,
 * so that a fleet does not come back to its broker all at once.
 */
export class Backoff {
  #attempts = 0;

  constructor(
    private readonly bounds: BackoffLimits,
    /** From 0 to below 1. */
    private readonly random: () => number,
  ) {}

  nextMs(): number {
    const { minMs, maxMs } = this.bounds;
    const ceilingMs = Math.min(maxMs, minMs * 2 ** ++this.#attempts);
    return minMs + this.random() * Math.max(0, ceilingMs - minMs);
  }

  reset(): void {
    this.#attempts = 0;
  }
}
