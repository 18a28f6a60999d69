import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import type { Lines } from '../../../device/hardware/lines/lines.js';
import { LABEL, makeSortbinIoLines, NAMES } from './bin-lines.js';
import { GpioSim } from './gpio-sim.js';
import { PwmSim } from './pwm-sim.js';

const never = new AbortController().signal;

/** Runs a shell script. Blocks this process meanwhile. */
export const blockLoop = (script: string, argument = ''): void => {
  assert.equal(spawnSync('sh', ['-c', script, argument]).status, 0);
};

/** Makes a simulated chip and PWM, and starts a real driver. */
export const makeBench = async <L extends Lines>(lines: L) => {
  const sim = GpioSim.create(LABEL, NAMES);
  const pwm = new PwmSim();
  pwm.reset();
  await lines.start(never);
  const close = async () => {
    await lines.close();
    sim.remove();
    pwm.reset();
  };
  return { sim, pwm, lines, close };
};

export const makeSortbinIoBench = () => makeBench(makeSortbinIoLines());
