import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { pino } from 'pino';
import { SystemClock } from '../../../device/kit/clock.js';
import type { Answer } from '../../../device/kit/errors.js';
import { IoLines } from '../../../device/lines/io-lines.js';
import type { InputRules, LineFault, LineRef, OutputRules } from '../../../device/lines/lines.js';
import { ioProgram } from '../../support/sortbin-io.js';
import { GpioSim } from './gpio-sim.js';
import { PwmSim } from './pwm-sim.js';

/** The label of the chip, by which the drivers find its lines. */
export const LABEL = 'bin';
export const NAMES = ['lid', 'button', 'gate', 'flap'] as const;
export type Name = (typeof NAMES)[number];

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

/** Runs a shell; nothing of this process runs meanwhile. */
export const blockLoop = (script: string, argument = ''): void => {
  assert.equal(spawnSync('sh', ['-c', script, argument]).status, 0);
};

export const newIoLines = (): IoLines =>
  new IoLines({
    path: ioProgram(),
    leaseMs: 1_000,
    // Emulation is slow; nothing here is about a process that does not answer.
    answerMs: 10_000,
    clock: new SystemClock(),
    log: pino({ level: 'silent' }),
  });

/** A simulated chip and PWM, and the real driver, which is started. */
export const makeIoBench = async () => {
  const sim = GpioSim.create(LABEL, NAMES);
  const pwm = new PwmSim();
  pwm.reset();
  const lines = newIoLines();
  await lines.start();
  const close = async () => {
    await lines.close();
    sim.remove();
    pwm.reset();
  };
  return { sim, pwm, lines, close };
};
