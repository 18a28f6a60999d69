/** A state whose changes can be awaited. */
export class WatchedState<State> {
  #value: State;
  #waiting: (() => void)[] = [];

  constructor(initial: State) {
    this.#value = initial;
  }

  /** A method, because the compiler would assume that a property is unchanged after an await. */
  get(): State {
    return this.#value;
  }

  set(value: State): void {
    this.#value = value;
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** Waits for the next call of `set`, or until `signal` is aborted. */
  changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        signal.removeEventListener('abort', wake);
        resolve();
      };
      signal.addEventListener('abort', wake, { once: true });
      this.#waiting.push(wake);
    });
  }
}
