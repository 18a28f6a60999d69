import assert from 'node:assert/strict';
import { pino } from 'pino';
import type {
  InputRules,
  LineFault,
  LineRef,
  Lines,
  Output,
  OutputRules,
} from '../../../device/hardware/lines/lines.js';
import { SortbinIoLines } from '../../../device/hardware/lines/sortbin-io/sortbin-io-lines.js';
import { IoSupervisor } from '../../../device/hardware/lines/sortbin-io/supervisor.js';
import { SysfsLines } from '../../../device/hardware/lines/sysfs/sysfs-lines.js';
import { SystemClock } from '../../../device/kit/clock.js';
import type { Answer } from '../../../device/kit/errors.js';
import { sortbinIoPath } from '../../support/hardware/sortbin-io.js';

/** The label of the simulated chip. */
export const LABEL = 'bin';
export const NAMES = ['lid', 'button', 'gate', 'flap'] as const;
export type Name = (typeof NAMES)[number];

export const LEASE_MS = 1_000;

export const at = (line: Name): LineRef => ({ chip: LABEL, offset: NAMES.indexOf(line) });

export const inputRules = (line: Name, more: Partial<InputRules> = {}): InputRules => ({
  at: at(line),
  bias: 'as-is',
  activeLow: false,
  debounceMs: 0,
  ...more,
});

export const outputRules = (line: Name, more: Partial<OutputRules> = {}): OutputRules => ({
  at: at(line),
  activeLow: false,
  maxOnMs: 60_000,
  minOffMs: 0,
  group: null,
  guards: [],
  ...more,
});

export const value = <T>(answer: Answer<T, LineFault>): T => {
  if (!answer.ok) assert.fail(`${answer.fault.code}: ${answer.fault.message}`);
  return answer.value;
};

export const codeOf = (answer: Answer<unknown, LineFault>): LineFault | null =>
  answer.ok ? null : answer.fault.code;

/** `outputsFile` lists the outputs for `sortbin-io --safe`. */
const options = (outputsFile?: string) => ({
  path: sortbinIoPath(),
  leaseMs: LEASE_MS,
  // Emulation is slow, and no test here checks the deadline of an answer.
  answerMs: 10_000,
  clock: new SystemClock(),
  log: pino({ level: 'silent' }),
  ...(outputsFile === undefined ? {} : { outputsFile }),
});

export const makeSortbinIoLines = (outputsFile?: string): SortbinIoLines =>
  new SortbinIoLines(options(outputsFile));

/** Uses the real package onoff. */
export const makeSysfsLines = (outputsFile?: string): SysfsLines => new SysfsLines(options(outputsFile));

interface Gate {
  readonly lines: Pick<Lines, 'start' | 'onHealth' | 'close'>;
  request(): Promise<Answer<Output, LineFault>>;
}

/** Makes the gate with a driver: `io`, `sysfs`, or the path of a plain file that sortbin-io writes without a chip. */
export const makeGate = (driver: string, outputsFile?: string): Gate => {
  if (driver.startsWith('/')) {
    const supervisor = new IoSupervisor(options(outputsFile));
    return {
      lines: supervisor,
      request: () => supervisor.requestOutput('gate', `file ${driver}`, outputRules('gate')),
    };
  }
  const lines = driver === 'sysfs' ? makeSysfsLines(outputsFile) : makeSortbinIoLines(outputsFile);
  return { lines, request: () => lines.output('gate', outputRules('gate')) };
};
