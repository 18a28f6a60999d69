import type { Fault } from '../../kit/errors.js';
import { type HealthListener, HealthReporter, type HealthSource } from '../../kit/health.js';
import type { LineFault } from './lines.js';

/** Reports one fault at a time. A fault of the driver comes before faults of lines, and an older line before a newer one. */
export class LinesHealth implements HealthSource<LineFault> {
  readonly #reporter = new HealthReporter<LineFault>();
  readonly #lineFaults = new Map<string, Fault<LineFault>>();
  #driverFault: Fault<LineFault> | null = null;

  onHealth(listener: HealthListener<LineFault>): void {
    this.#reporter.onHealth(listener);
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
    this.#reporter.set(this.#driverFault ?? this.#lineFaults.values().next().value ?? null);
  }
}
