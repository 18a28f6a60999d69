/** Auto-reset event for one waiter. */
export class AutoResetEvent {
  #isSet = false;
  #wake: (() => void) | null = null;

  set(): void {
    this.#isSet = true;
    this.#wake?.();
  }

  /** Resolves when the event is set, and resets it. Rejects with the signal's reason if the signal is aborted first. */
  wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const onAbort = () => {
        this.#wake = null;
        reject(signal.reason);
      };
      this.#wake = () => {
        this.#wake = null;
        this.#isSet = false;
        signal.removeEventListener('abort', onAbort);
        resolve();
      };
      signal.addEventListener('abort', onAbort, { once: true });
      if (this.#isSet) this.#wake();
    });
  }
}
