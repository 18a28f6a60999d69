/** Wakes the one who waits; rung while nobody does, it makes the next wait short. */
export class AutoResetEvent {
  #rung = false;
  #wake: (() => void) | null = null;

  set(): void {
    this.#rung = true;
    this.#wake?.();
  }

  /** Rejects with the signal's reason when it is aborted first. */
  wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const onAbort = () => {
        this.#wake = null;
        reject(signal.reason);
      };
      this.#wake = () => {
        this.#wake = null;
        this.#rung = false;
        signal.removeEventListener('abort', onAbort);
        resolve();
      };
      signal.addEventListener('abort', onAbort, { once: true });
      if (this.#rung) this.#wake();
    });
  }
}
