import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { until } from '../support/until.js';
import { HeldLine } from './guest/gpio-cdev.js';
import { GpioSim, outputsPersist } from './guest/gpio-sim.js';
import { PwmSim } from './guest/pwm-sim.js';
import { Sampling } from './guest/sample.js';

const OPTIONS = { timeout: 60_000 };

describe(`simulated GPIO, kernel ${release()}`, OPTIONS, () => {
  let sim: GpioSim;
  const held: HeldLine[] = [];
  const hold = (line: HeldLine) => {
    held.push(line);
    return line;
  };
  beforeEach(() => {
    sim = GpioSim.create('bin', ['lid', 'gate', 'lamp']);
  });
  afterEach(() => {
    for (const line of held.splice(0)) line.release();
    sim.remove();
  });

  it('shows a program the level to which a sensor pulls a line', () => {
    const lid = hold(HeldLine.input(sim.chip, sim.offset('lid')));
    assert.equal(lid.get(), 0);
    sim.pull('lid', 'up');
    assert.equal(lid.get(), 1);
    sim.pull('lid', 'down');
    assert.equal(lid.get(), 0);
  });

  it('shows from outside the level that a program drives, and its holder', () => {
    assert.deepEqual(sim.info('gate'), { name: 'gate', consumer: '', used: false, direction: 'input' });
    const gate = hold(HeldLine.output(sim.chip, sim.offset('gate'), 0, 'sorter'));
    assert.equal(sim.value('gate'), 0);
    gate.set(1);
    assert.equal(sim.value('gate'), 1);
    assert.equal(sim.value('lamp'), 0);
    assert.deepEqual(sim.info('gate'), {
      name: 'gate',
      consumer: 'sorter',
      used: true,
      direction: 'output',
    });
  });

  it('lets only one program hold a line', () => {
    hold(HeldLine.input(sim.chip, sim.offset('lid')));
    assert.throws(() => HeldLine.input(sim.chip, sim.offset('lid')), { code: 'EBUSY' });
  });

  it(`${outputsPersist() ? 'keeps' : 'drops'} the level of an output that was released`, () => {
    const gate = HeldLine.output(sim.chip, sim.offset('gate'), 1);
    assert.equal(sim.value('gate'), 1);
    gate.release();
    assert.equal(sim.info('gate').used, false);
    assert.equal(sim.value('gate'), outputsPersist() ? 1 : 0);
  });

  it('is unplugged while a line is held, and plugged in again', () => {
    const lid = hold(HeldLine.input(sim.chip, sim.offset('lid')));
    sim.unplug();
    assert.throws(() => lid.get(), { code: 'ENODEV' });
    sim.plug();
    sim.pull('lid', 'up');
    assert.equal(hold(HeldLine.input(sim.chip, sim.offset('lid'))).get(), 1);
  });

  it('can have another line at the same offset after it was removed', () => {
    sim.remove();
    sim = GpioSim.create('bin', ['beam']);
    assert.equal(sim.info('beam').name, 'beam');
    assert.throws(() => sim.offset('lid'), /no line lid\. The lines are beam\./);
  });
});

describe('sampling', OPTIONS, () => {
  let sim: GpioSim;
  beforeEach(() => {
    sim = GpioSim.create('bin', ['gate']);
  });
  afterEach(() => sim.remove());

  it('records pulses while the event loop is blocked', async () => {
    const sampling = await Sampling.start(sim.valueFile('gate'));
    const pulls = 'for to in up down up down; do echo pull-$to >"$0"; sleep 0.2; done';
    const blockedNs = process.hrtime.bigint();
    const { status } = spawnSync('sh', ['-c', pulls, join(sim.valueFile('gate'), '../pull')]);
    const unblockedNs = process.hrtime.bigint();
    assert.equal(status, 0);
    const { readings, gone } = await sampling.stop();
    assert.deepEqual(
      readings.map(({ value }) => value),
      ['0', '1', '0', '1', '0'],
    );
    assert.ok(readings.slice(1, -1).every(({ atNs }) => blockedNs < atNs && atNs < unblockedNs));
    assert.equal(gone, false);
  });

  it('ends after its time, and reports its longest gap', async () => {
    const startNs = process.hrtime.bigint();
    const sampling = await Sampling.start(sim.valueFile('gate'), { forMs: 50 });
    const { readings, endNs, longestGapMs } = await sampling.ended();
    const tookMs = Number(endNs - startNs) / 1e6;
    assert.ok(tookMs >= 50);
    assert.ok(longestGapMs > 0 && longestGapMs <= tookMs);
    assert.deepEqual(readings, sampling.readings);
    assert.deepEqual(
      readings.map(({ value }) => value),
      ['0'],
    );
  });

  it('reports that the chip is gone', async () => {
    const sampling = await Sampling.start(sim.valueFile('gate'));
    sim.unplug();
    assert.equal((await sampling.ended()).gone, true);
  });

  it('fails for a file that cannot be read', async () => {
    await assert.rejects(Sampling.start('/nowhere'), /sampler of \/nowhere exited early/);
  });
});

describe('simulated PWM', OPTIONS, () => {
  const pwm = new PwmSim();
  const chip = join('/sys/class/pwm', `pwmchip${pwm.number}`);
  const set = (file: string, value: number) => writeFileSync(join(chip, file), String(value));
  beforeEach(() => pwm.reset());
  afterEach(() => pwm.reset());

  it('shows the applied state, also after its holder has exited', () => {
    assert.equal(pwm.state(1).requested, false);
    assert.equal(pwm.state(1).enabled, false);
    set('export', 1);
    set('pwm1/period', 20_000_000);
    set('pwm1/duty_cycle', 1_500_000);
    assert.equal(pwm.pulseNs(1), 0);
    set('pwm1/enable', 1);
    assert.deepEqual(pwm.state(1), {
      requested: true,
      enabled: true,
      periodNs: 20_000_000,
      dutyNs: 1_500_000,
    });
    assert.equal(pwm.pulseNs(1), 1_500_000);
    assert.equal(pwm.pulseNs(0), 0);
    set('unexport', 1);
    assert.equal(pwm.state(1).requested, false);
    assert.equal(pwm.pulseNs(1), 1_500_000);
    pwm.reset();
    assert.equal(pwm.pulseNs(1), 0);
  });

  it('refuses values that a real chip refuses', () => {
    assert.throws(() => set('export', 2), { code: 'ENODEV' });
    set('export', 0);
    assert.throws(() => set('export', 0), { code: 'EBUSY' });
    set('pwm0/period', 1_000_000);
    // While the channel is disabled, 6.12 accepts any duty. It then refuses to enable the channel.
    set('pwm0/enable', 1);
    assert.throws(() => set('pwm0/duty_cycle', 2_000_000), { code: 'EINVAL' });
  });

  it('can be sampled', async () => {
    const sampling = await Sampling.start(pwm.pulseFile(0));
    set('export', 0);
    set('pwm0/period', 20_000_000);
    set('pwm0/duty_cycle', 1_000_000);
    set('pwm0/enable', 1);
    await until('a pulse is sampled', () => sampling.readings.length === 2);
    set('pwm0/enable', 0);
    const { readings } = await sampling.stop();
    assert.deepEqual(
      readings.map(({ value }) => value),
      ['0', '1000000', '0'],
    );
  });

  it('is found by the name of its device', () => {
    assert.equal(readFileSync(join(chip, 'npwm'), 'utf8'), '2\n');
    assert.equal(pwm.device, 'pwm-sim');
  });
});
