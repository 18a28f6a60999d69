/** Writes values one at a time. While a write runs, only the newest later value waits for the next write. */
export class LatestWriter<T> {
  #running: Promise<void> | null = null;
  #next: { value: T; readonly written: Promise<void> } | null = null;

  constructor(private readonly writeOne: (value: T) => Promise<void>) {}

  /** Resolves when this value, or a newer one, is written. */
  write(value: T): Promise<void> {
    if (this.#next) {
      this.#next.value = value;
      return this.#next.written;
    }
    if (!this.#running) return this.#start(value);
    const next: { value: T; readonly written: Promise<void> } = {
      value,
      written: this.#running
        .catch(() => {})
        .then(() => {
          this.#next = null;
          return this.#start(next.value);
        }),
    };
    this.#next = next;
    return next.written;
  }

  #start(value: T): Promise<void> {
    const running = this.writeOne(value).finally(() => {
      if (this.#running === running) this.#running = null;
    });
    this.#running = running;
    return running;
  }
}
