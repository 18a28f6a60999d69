import type { Fault } from './errors.js';

/** Receives the fault of a part; null: the part has recovered. */
export type HealthListener<Code extends string = string> = (fault: Fault<Code> | null) => void;

/** A part that reports its faults, also while the bin is idle. */
export interface HealthSource<Code extends string = string> {
  /** Calls `listener` at each change of the fault, and at once if there is a fault now. */
  onHealth(listener: HealthListener<Code>): void;
}

/** Keeps the current fault of a part and reports each change of its code, detail or message. */
export class HealthReporter<Code extends string = string> implements HealthSource<Code> {
  readonly #listeners: HealthListener<Code>[] = [];
  #fault: Fault<Code> | null = null;

  get fault(): Fault<Code> | null {
    return this.#fault;
  }

  onHealth(listener: HealthListener<Code>): void {
    this.#listeners.push(listener);
    if (this.#fault) listener(this.#fault);
  }

  set(fault: Fault<Code> | null): void {
    if (isSameFault(fault, this.#fault)) return;
    this.#fault = fault;
    for (const listener of this.#listeners) listener(fault);
  }
}

/** Returns whether two faults have the same code, detail and message. */
export const isSameFault = (a: Fault | null, b: Fault | null): boolean =>
  a?.code === b?.code && a?.detail === b?.detail && a?.message === b?.message;
