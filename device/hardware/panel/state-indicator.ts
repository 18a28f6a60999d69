import type { Clock } from '../../kit/clock.js';
import type { Panel } from './panel.js';

/** What the person is shown, from what the bin says of itself: a fault before all, then a refusal for a while. */
export class StateIndicator {
  #phase = 'new';
  readonly #faulty = new Set<string>();
  #refused = false;
  #cancel = () => {};

  /** `refusedMs`: how long a refusal is shown. */
  constructor(
    private readonly panel: Panel,
    private readonly refusedMs: number,
    private readonly clock: Clock,
  ) {}

  phase(phase: string): void {
    this.#phase = phase;
    this.#show();
  }

  health(part: string, isFaulty: boolean): void {
    if (isFaulty) this.#faulty.add(part);
    else this.#faulty.delete(part);
    this.#show();
  }

  refused(): void {
    this.#cancel();
    this.#refused = true;
    this.#cancel = this.clock.after(this.refusedMs, () => {
      this.#refused = false;
      this.#show();
    });
    this.#show();
  }

  close(): void {
    this.#cancel();
    this.panel.show('off');
  }

  #show(): void {
    if (this.#faulty.size > 0) this.panel.show('fault');
    else if (this.#refused) this.panel.show('refused');
    else this.panel.show(this.#phase === 'idle' ? 'ready' : 'busy');
  }
}
