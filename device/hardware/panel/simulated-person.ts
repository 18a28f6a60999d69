import type { Clock } from '../../kit/clock.js';
import { noLight } from './light.js';
import type { Light, Person, Press, Said } from './panel.js';

/** Nobody is there: it remembers what is shown, and its button is pressed by a call. */
export class SimulatedPerson implements Person {
  readonly light: Light = noLight;
  #shown: Said | 'off' = 'off';
  #closed = false;
  readonly #listeners = new Set<(press: Press) => void>();

  constructor(private readonly clock: Clock) {}

  get shown(): Said | 'off' {
    return this.#shown;
  }

  show(state: Said | 'off'): void {
    if (!this.#closed) this.#shown = state;
  }

  onWrong(listener: (press: Press) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Somebody presses the button. */
  press(): void {
    const press = { atMs: this.clock.monotonicMs(), wallMs: this.clock.wallMs() };
    for (const listener of [...this.#listeners]) listener(press);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#shown = 'off';
    this.#listeners.clear();
  }
}
