import type { Fault } from '../../kit/errors.js';
import type { LineFault } from './lines.js';

type Listener = (fault: Fault<LineFault> | null) => void;

/** Reports the current fault to its listeners on each change. A fault of the driver comes before the fault of a line. */
export class Health {
  readonly #lineFaults = new Map<string, Fault<LineFault>>();
  readonly #listeners: Listener[] = [];
  #driverFault: Fault<LineFault> | null = null;
  #reported: string | null = null;

  onChange(listener: Listener): void {
    this.#listeners.push(listener);
  }

  setDriverFault(fault: Fault<LineFault> | null): void {
    this.#driverFault = fault;
    this.#report();
  }

  setLineFault(name: string, fault: Fault<LineFault> | null): void {
    if (fault) this.#lineFaults.set(name, fault);
    else this.#lineFaults.delete(name);
    this.#report();
  }

  #report(): void {
    const fault = this.#driverFault ?? this.#lineFaults.values().next().value ?? null;
    const text = fault && `${fault.code} ${fault.message}`;
    if (text === this.#reported) return;
    this.#reported = text;
    for (const listener of this.#listeners) listener(fault);
  }
}
