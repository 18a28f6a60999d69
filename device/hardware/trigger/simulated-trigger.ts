import type { Clock } from '../../kit/clock.js';
import type { NewId } from '../../kit/ids.js';
import type { Trigger, TriggerSource } from './trigger.js';

export interface TriggerStep {
  /** Since the trigger before, or since the start. */
  readonly afterMs: number;
  /** How many times the level, read after this trigger, still shows something. */
  readonly stillThere?: number;
}

export interface SimulatedTriggerOptions {
  readonly script: readonly TriggerStep[];
  /** Begin again at the script's end. */
  readonly repeat: boolean;
  readonly clock: Clock;
  readonly newId: NewId;
}

/** A sensor that sees what its script says. */
export class SimulatedTrigger implements TriggerSource {
  #onTrigger: ((trigger: Trigger) => void) | null = null;
  #cancel: () => void = () => {};
  #next = 0;
  #stillThere = 0;

  constructor(private readonly options: SimulatedTriggerOptions) {}

  start(onTrigger: (trigger: Trigger) => void): void {
    this.#onTrigger = onTrigger;
    this.#schedule();
  }

  /** Something passes the sensor now, script or not. */
  fire(source = 'simulated', stillThere = 0): void {
    const { clock, newId } = this.options;
    this.#stillThere = stillThere;
    this.#onTrigger?.({ id: newId(), source, atMs: clock.monotonicMs(), wallMs: clock.wallMs() });
  }

  async level(signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    if (this.#stillThere === 0) return false;
    this.#stillThere--;
    return true;
  }

  async close(): Promise<void> {
    this.#cancel();
    this.#onTrigger = null;
  }

  #schedule(): void {
    const { script, repeat, clock } = this.options;
    const step = script[repeat ? this.#next % script.length : this.#next];
    if (!step) return;
    this.#next++;
    this.#cancel = clock.after(step.afterMs, () => {
      this.fire('simulated', step.stillThere);
      if (this.#onTrigger) this.#schedule();
    });
  }
}
