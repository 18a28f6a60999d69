import type { Clock } from '../../kit/clock.js';

export interface Rate {
  /** Number of tokens that can be taken at once. */
  readonly burst: number;
  /** New tokens per second. */
  readonly perSecond: number;
}

/** A token bucket. */
export class RateLimit {
  #tokens: number;
  #atMs: number;

  constructor(
    private readonly rate: Rate,
    private readonly clock: Clock,
  ) {
    this.#tokens = rate.burst;
    this.#atMs = clock.monotonicMs();
  }

  /** Takes a token. Returns false if there is none. */
  take(): boolean {
    const { burst, perSecond } = this.rate;
    const nowMs = this.clock.monotonicMs();
    this.#tokens = Math.min(burst, this.#tokens + ((nowMs - this.#atMs) / 1000) * perSecond);
    this.#atMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
