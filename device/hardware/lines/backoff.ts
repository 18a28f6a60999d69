const FIRST_MS = 100;
export const LONGEST_MS = 30_000;

/** How long to rest before the next attempt: 100 ms, doubling up to 30 s. */
export class Backoff {
  #attempts = 0;

  nextMs(): number {
    return Math.min(LONGEST_MS, FIRST_MS * 2 ** this.#attempts++);
  }

  reset(): void {
    this.#attempts = 0;
  }
}
