import type { Clock } from '../../kit/clock.js';
import type { Panel } from './panel.js';

/** Parts without which the bin still sorts and records. Their faults are not shown on the panel. */
const REMOTE_PARTS: ReadonlySet<string> = new Set(['broker']);

/**
 * Selects the indicator state from the state of the bin. A fault has priority, then a recent refusal.
 * A fault of the part `broker` is not shown: the bin sorts without a network, and the journal keeps the events.
 */
export class StateIndicator {
  #phase = 'new';
  readonly #faultyParts = new Set<string>();
  #isRefusalShown = false;
  #cancel = () => {};

  /** `refusedMs`: the time for which a refusal is shown. */
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
    if (REMOTE_PARTS.has(part)) return;
    if (isFaulty) this.#faultyParts.add(part);
    else this.#faultyParts.delete(part);
    this.#show();
  }

  refused(): void {
    this.#cancel();
    this.#isRefusalShown = true;
    this.#cancel = this.clock.after(this.refusedMs, () => {
      this.#isRefusalShown = false;
      this.#show();
    });
    this.#show();
  }

  close(): void {
    this.#cancel();
    this.panel.show('off');
  }

  #show(): void {
    if (this.#faultyParts.size > 0) this.panel.show('fault');
    else if (this.#isRefusalShown) this.panel.show('refused');
    else this.panel.show(this.#phase === 'idle' ? 'ready' : 'busy');
  }
}
