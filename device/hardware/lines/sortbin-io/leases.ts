import type { Clock } from '../../../kit/clock.js';

/** Renews the leases while anything is on: three times within one, so that a late renewal ends nothing. */
export class Leases {
  readonly #on = new Set<object>();
  #cancel: () => void = () => {};

  constructor(
    private readonly clock: Clock,
    private readonly leaseMs: number,
    private readonly renew: () => void,
  ) {}

  /** Whether anything is on. */
  get any(): boolean {
    return this.#on.size > 0;
  }

  /** `what` is on until the returned function is called. */
  on(what: object): () => void {
    this.#on.add(what);
    if (this.#on.size === 1) this.#later();
    return () => {
      this.#on.delete(what);
      if (this.#on.size === 0) this.#cancel();
    };
  }

  #later(): void {
    this.#cancel = this.clock.after(this.leaseMs / 3, () => {
      this.renew();
      this.#later();
    });
  }
}
