import { isSameFault } from '../../kit/health.js';
import type { FillLevel } from './fill.js';

/** The current fill levels and the listeners to their changes. */
export class Levels {
  readonly #levels: Map<string, FillLevel>;
  readonly #listeners = new Set<(level: FillLevel) => void>();

  constructor(compartments: readonly string[]) {
    this.#levels = new Map(
      compartments.map((compartment) => [
        compartment,
        { compartment, percent: null, full: false, fault: null },
      ]),
    );
  }

  all(): readonly FillLevel[] {
    return [...this.#levels.values()];
  }

  has(compartment: string): boolean {
    return this.#levels.has(compartment);
  }

  /** Changes a level. Calls the listeners if the percentage, the full state or the fault is different. */
  change(compartment: string, change: Partial<Omit<FillLevel, 'compartment'>>): void {
    const before = this.#levels.get(compartment);
    if (!before) return;
    const level = { ...before, ...change };
    this.#levels.set(compartment, level);
    const isSame =
      level.percent === before.percent &&
      level.full === before.full &&
      isSameFault(level.fault, before.fault);
    if (!isSame) for (const listener of [...this.#listeners]) listener(level);
  }

  onChange(listener: (level: FillLevel) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  removeListeners(): void {
    this.#listeners.clear();
  }
}
