import type { Clock } from '../../kit/clock.js';
import type { NewId } from '../../kit/ids.js';
import type { Trigger, TriggerSource } from './trigger.js';

export interface TriggerStep {
  /** The time since the previous trigger or the start. */
  readonly afterMs: number;
  /** The number of level readings after this trigger that still return true. */
  readonly stillThere?: number;
}

export interface SimulatedTriggerOptions {
  readonly script: readonly TriggerStep[];
  /** Whether the script starts again after its last step. */
  readonly repeat: boolean;
  readonly clock: Clock;
  readonly newId: NewId;
}

/** A simulated sensor that detects the items of a script. */
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

  /** Detects an item now, in addition to the script. Returns the trigger. */
  fire(source = 'simulated', stillThere = 0): Trigger {
    const { clock, newId } = this.options;
    this.#stillThere = stillThere;
    const trigger = { id: newId(), source, atMs: clock.monotonicMs(), wallMs: clock.wallMs() };
    this.#onTrigger?.(trigger);
    return trigger;
  }

  /** Reports nothing: a simulated sensor does not fail. */
  onHealth(): void {}

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
