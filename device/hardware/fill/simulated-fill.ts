import type { Clock } from '../../kit/clock.js';
import type { Fill, FillLevel } from './fill.js';
import { Levels } from './levels.js';

export interface FillStep {
  /** The time since the previous step or the start. */
  readonly afterMs: number;
  readonly compartment: string;
  readonly percent: number;
}

export interface SimulatedFillOptions {
  readonly compartments: readonly string[];
  readonly script: readonly FillStep[];
  /** A compartment becomes full at this percentage. */
  readonly fullPercent: number;
  /** A full compartment stays full until its level is at or below this percentage. */
  readonly clearPercent: number;
  readonly clock: Clock;
}

/** Fill levels that follow a script. */
export class SimulatedFill implements Fill {
  readonly #levels: Levels;
  #cancel = () => {};
  #next = 0;

  constructor(private readonly options: SimulatedFillOptions) {
    this.#levels = new Levels(options.compartments);
  }

  start(): void {
    this.#schedule();
  }

  /** Sets a level now, in addition to the script. */
  set(compartment: string, percent: number): void {
    const { fullPercent, clearPercent } = this.options;
    const before = this.#levels.all().find((level) => level.compartment === compartment);
    const full = before?.full ? percent > clearPercent : percent >= fullPercent;
    this.#levels.change(compartment, { percent, full });
  }

  levels(): readonly FillLevel[] {
    return this.#levels.all();
  }

  onChange(listener: (level: FillLevel) => void): () => void {
    return this.#levels.onChange(listener);
  }

  markEmptied(compartment: string): boolean {
    if (!this.#levels.has(compartment)) return false;
    this.#levels.change(compartment, { percent: 0, full: false });
    return true;
  }

  async close(): Promise<void> {
    this.#cancel();
    this.#levels.removeListeners();
  }

  #schedule(): void {
    const step = this.options.script[this.#next++];
    if (!step) return;
    this.#cancel = this.options.clock.after(step.afterMs, () => {
      this.set(step.compartment, step.percent);
      this.#schedule();
    });
  }
}
