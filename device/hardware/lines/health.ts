import type { Fault } from '../../kit/errors.js';
import type { LineFault } from './lines.js';

type Listener = (fault: Fault<LineFault> | null) => void;

/** What is wrong at this moment, told whenever that changes: first of all with what drives the lines, then with a line. */
export class Health {
  readonly #faults = new Map<string, Fault<LineFault>>();
  readonly #listeners: Listener[] = [];
  #driver: Fault<LineFault> | null = null;
  #told: string | null = null;

  onChange(listener: Listener): void {
    this.#listeners.push(listener);
  }

  /** Of what drives all lines; null: it works. */
  driver(fault: Fault<LineFault> | null): void {
    this.#driver = fault;
    this.#tell();
  }

  line(name: string, fault: Fault<LineFault> | null): void {
    if (fault) this.#faults.set(name, fault);
    else this.#faults.delete(name);
    this.#tell();
  }

  #tell(): void {
    const fault = this.#driver ?? this.#faults.values().next().value ?? null;
    const said = fault && `${fault.code} ${fault.message}`;
    if (said === this.#told) return;
    this.#told = said;
    for (const listener of this.#listeners) listener(fault);
  }
}
