import type { MachineReadings, MachineSensors } from '../hardware/machine/machine.js';
import type { Clock } from '../kit/clock.js';
import { sharedController, sleep } from '../kit/deadline.js';
import type { Fault } from '../kit/errors.js';
import type { Service } from '../kit/service.js';
import {
  MACHINE_PARTS,
  type MachinePart,
  machineFaults,
  NO_MACHINE_FAULTS,
} from '../status/machine-faults.js';

export interface MachineMonitorParts {
  readonly sensors: MachineSensors;
  /** Time when the program was built, in milliseconds since 1970. */
  readonly builtAtMs: number;
  readonly clock: Clock;
  /** Receives each change of the fault of a part. null: the part has recovered. */
  readonly onFault: (part: MachinePart, fault: Fault | null) => void;
}

const PERIOD_MS = 10_000;

/** Reads the sensors of the machine every 10 s, and reports its faults. */
export class MachineMonitor implements Service {
  readonly name = 'machine sensors';
  readonly #stopping = sharedController();
  #faults = NO_MACHINE_FAULTS;
  #readings: MachineReadings | null = null;

  constructor(private readonly parts: MachineMonitorParts) {}

  /** The newest readings; null: not read yet. */
  get readings(): MachineReadings | null {
    return this.#readings;
  }

  /** Reads for the first time, without waiting for it. */
  async start(): Promise<void> {
    void this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the daemon is stopping'));
  }

  async #run(): Promise<void> {
    const { clock, sensors } = this.parts;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      this.#readings = await sensors.read();
      if (!signal.aborted) this.#judge(this.#readings);
      await sleep(clock, PERIOD_MS, signal).catch(() => {});
    }
  }

  #judge(readings: MachineReadings): void {
    const { clock, builtAtMs, onFault } = this.parts;
    const before = this.#faults;
    this.#faults = machineFaults(readings, { wallMs: clock.wallMs(), builtAtMs }, before);
    for (const part of MACHINE_PARTS)
      if (this.#faults[part] !== before[part]) onFault(part, this.#faults[part]);
  }
}
