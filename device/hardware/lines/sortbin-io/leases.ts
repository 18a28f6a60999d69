import type { Clock } from '../../../kit/clock.js';

/** Renews all leases while any output is on. Three renewals fit into one lease, so one late renewal does no harm. */
export class Leases {
  readonly #on = new Set<object>();
  #cancel: () => void = () => {};

  constructor(
    private readonly clock: Clock,
    private readonly leaseMs: number,
    private readonly renew: () => void,
  ) {}

  get isAnyOn(): boolean {
    return this.#on.size > 0;
  }

  /** Counts `output` as on until the returned function is called. */
  startRenewing(output: object): () => void {
    this.#on.add(output);
    if (this.#on.size === 1) this.#schedule();
    return () => {
      this.#on.delete(output);
      if (this.#on.size === 0) this.#cancel();
    };
  }

  #schedule(): void {
    this.#cancel = this.clock.after(this.leaseMs / 3, () => {
      this.renew();
      this.#schedule();
    });
  }
}
