import { noLight } from '../../../device/hardware/panel/light.js';
import type { IndicatorState, Light, Panel, Press } from '../../../device/hardware/panel/panel.js';
import type { Clock } from '../../../device/kit/clock.js';

/** A panel without hardware that records the shown state. A call presses its button. */
export class SimulatedPanel implements Panel {
  readonly light: Light = noLight;
  #shown: IndicatorState | 'off' = 'off';
  #closed = false;
  readonly #listeners = new Set<(press: Press) => void>();

  constructor(private readonly clock: Clock) {}

  get shown(): IndicatorState | 'off' {
    return this.#shown;
  }

  show(state: IndicatorState | 'off'): void {
    if (!this.#closed) this.#shown = state;
  }

  onWrong(listener: (press: Press) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

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
