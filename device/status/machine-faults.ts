import type { MachineReadings, Space } from '../hardware/machine/machine.js';
import type { Fault } from '../kit/errors.js';

/** The parts of a machine that can have a fault. */
export const MACHINE_PARTS = ['temperature', 'processor', 'power', 'memory', 'disk', 'clock'] as const;
export type MachinePart = (typeof MACHINE_PARTS)[number];

export type MachineFaults = Readonly<Record<MachinePart, Fault | null>>;

/** The wall clock of the machine, and the time when the program was built, in milliseconds since 1970. */
export interface MachineTime {
  readonly wallMs: number;
  readonly builtAtMs: number;
}

export const NO_MACHINE_FAULTS: MachineFaults = {
  temperature: null,
  processor: null,
  power: null,
  memory: null,
  disk: null,
  clock: null,
};

/** A fault is raised at the first limit, and ends at the second one. So it does not come and go at one limit. */
const HOT_C = { raise: 80, end: 75 };
const MEMORY_BYTES = { raise: 48e6, end: 64e6 };
const DISK_BYTES = { raise: 200e6, end: 250e6 };
/** A small disk is not full because it is small. */
const DISK_SHARE = 0.05;

/** Decides which faults a machine has. Pure. A sensor that cannot be read has no fault. */
export const machineFaults = (
  { temperatureC, isUnderVoltage, isThrottled, memory, disk }: MachineReadings,
  { wallMs, builtAtMs }: MachineTime,
  before: MachineFaults,
): MachineFaults => {
  const isHot = temperatureC !== null && temperatureC >= (before.temperature ? HOT_C.end : HOT_C.raise);
  const raised: Readonly<Record<MachinePart, Fault | null>> = {
    temperature: isHot ? fault('machine-hot', `The processor has ${Math.round(temperatureC)} °C.`) : null,
    processor: isThrottled
      ? fault('machine-throttled', 'The firmware makes the processor slower now.')
      : null,
    power: isUnderVoltage ? fault('machine-under-voltage', 'The supply voltage is too low now.') : null,
    memory: spaceFault('memory-low', memory, MEMORY_BYTES, before.memory),
    disk: spaceFault('disk-low', disk, diskLimits(disk), before.disk),
    clock:
      wallMs < builtAtMs
        ? fault('clock-wrong', `The clock shows ${new Date(wallMs).toISOString().slice(0, 10)}.`)
        : null,
  };
  // The first message stays: a number that changes all the time would publish the state all the time.
  const keepFirst = (part: MachinePart) => raised[part] && (before[part] ?? raised[part]);
  return Object.fromEntries(MACHINE_PARTS.map((part) => [part, keepFirst(part)])) as MachineFaults;
};

const fault = (code: string, message: string): Fault => ({ code, message });

interface Limits {
  readonly raise: number;
  readonly end: number;
}

const diskLimits = (disk: Space | null): Limits => {
  const share = (disk?.totalBytes ?? 0) * DISK_SHARE;
  return { raise: Math.min(DISK_BYTES.raise, share), end: Math.min(DISK_BYTES.end, share * 1.25) };
};

const spaceFault = (
  code: string,
  space: Space | null,
  limits: Limits,
  before: Fault | null,
): Fault | null => {
  if (!space || space.freeBytes >= (before ? limits.end : limits.raise)) return null;
  const megabytes = (bytes: number) => Math.round(bytes / 1e6);
  return fault(code, `${megabytes(space.freeBytes)} MB of ${megabytes(space.totalBytes)} MB are free.`);
};
