import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { examineLines } from '../../device/tools/doctor/lines.js';
import { parseMachineLines } from '../../device/tools/doctor/machine-lines.js';
import { sortbinIoPath } from '../support/hardware/sortbin-io.js';
import { inputRules, LABEL, NAMES, value } from './guest/bin-lines.js';
import { HeldLine } from './guest/gpio-cdev.js';
import { GpioSim } from './guest/gpio-sim.js';
import { makeSortbinIoBench } from './guest/io-bench.js';

const listMachineLines = () =>
  parseMachineLines(execFileSync(sortbinIoPath(), ['--list'], { encoding: 'utf8' }));

describe('the doctor', () => {
  let bench: Awaited<ReturnType<typeof makeSortbinIoBench>>;
  before(async () => {
    bench = await makeSortbinIoBench();
  });
  after(() => bench.close());

  it('lists chips, lines, their holders and PWM chips', async () => {
    value(await bench.lines.input('lid', inputRules('lid')));
    const gate = bench.sim.offset('gate');
    const holder = HeldLine.output(bench.sim.chip, gate, 0, 'door bell');
    const other = GpioSim.create('other', ['lamp']);
    try {
      const { chips, unusable, pwm } = listMachineLines();
      assert.deepEqual(unusable, []);
      assert.deepEqual(
        chips.map(({ label, lines }) => [label, lines.map(({ name }) => name)]),
        [
          [LABEL, [...NAMES]],
          ['other', ['lamp']],
        ],
      );
      const lineOf = (name: string) => chips[0]?.lines.find((line) => line.name === name);
      assert.deepEqual([lineOf('lid')?.holder, lineOf('lid')?.direction], ['sortbin_lid', 'input']);
      assert.deepEqual([lineOf('gate')?.holder, lineOf('gate')?.direction], ['door_bell', 'output']);
      assert.equal(lineOf('flap')?.holder, null);
      assert.ok(
        pwm.some(({ device, channels, usable }) => device === bench.pwm.device && channels === 2 && usable),
      );
      const found = listMachineLines();
      const wanted = [
        { key: 'lid', chip: LABEL, offset: bench.sim.offset('lid') },
        { key: 'gate', line: 'gate' },
        { key: 'servo', pwm: bench.pwm.device, channel: 1 },
      ];
      const checks = examineLines({ found, configured: wanted, exitCode: 69 }).checks.slice(-3);
      assert.deepEqual(
        checks.map(({ status }) => status),
        ['ok', 'fail', 'ok'],
      );
      assert.match(checks[1]?.text ?? '', /held by door_bell/);
    } finally {
      other.remove();
      holder.release();
    }
  });
});
