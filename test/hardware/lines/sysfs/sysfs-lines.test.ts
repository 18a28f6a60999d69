import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { pino } from 'pino';
import type { Edge } from '../../../../device/hardware/lines/lines.js';
import { SysfsLines, type SysfsLinesOptions } from '../../../../device/hardware/lines/sysfs/sysfs-lines.js';
import { nowNs } from '../../../../device/hardware/lines/time.js';
import { SystemClock } from '../../../../device/kit/clock.js';
import { SimulatedClock } from '../../../../device/kit/simulated-clock.js';
import { CONTRACT_LINES, linesContract } from '../../../contract/lines-contract.js';
import { FakeIo } from '../../../support/hardware/fake-io.js';
import { makeFakeOnoff } from '../../../support/hardware/fake-onoff.js';
import { sortbinIoPath } from '../../../support/hardware/sortbin-io.js';
import { until } from '../../../support/until.js';

const never = new AbortController().signal;
const INPUT = { at: { chip: 'bank', offset: 5 }, bias: 'as-is', activeLow: false, debounceMs: 0 } as const;
const OUTPUT = { activeLow: false, maxOnMs: 60_000, minOffMs: 0, group: null, guards: [] } as const;
const BASE = 512;

const setUp = async (options: Partial<SysfsLinesOptions> = {}, test?: TestContext) => {
  const root = await mkdtemp(join(tmpdir(), 'sysfs-'));
  writeFileSync(join(root, 'export'), '');
  for (const [folder, label, base] of [
    ['gpiochip0', 'other', 0],
    ['gpiochip512', 'bank', BASE],
  ] as const) {
    mkdirSync(join(root, folder));
    writeFileSync(join(root, folder, 'label'), `${label}\n`);
    writeFileSync(join(root, folder, 'base'), `${base}\n`);
    writeFileSync(join(root, folder, 'ngpio'), '32\n');
  }
  const fake = await new FakeIo().start();
  const onoff = makeFakeOnoff(root);
  const clock = new SystemClock();
  const log = pino({ level: 'silent' });
  const path = fake.path;
  const lines = new SysfsLines({
    path,
    leaseMs: 400,
    clock,
    log,
    root,
    load: async () => onoff.Gpio,
    ...options,
  });
  const close = async () => {
    await lines.close();
    await fake.stop();
    await rm(root, { recursive: true, force: true });
  };
  test?.after(close);
  const read = (number: number, file: string) => readFileSync(join(root, `gpio${number}`, file), 'utf8');
  return { root, fake, onoff, clock, lines, close, read };
};

const OFFSETS = { lid: 1, button: 2, gate: 3, flap: 4 } as const;

linesContract('sysfs with a fake tree, a fake onoff and the real sortbin-io', async () => {
  const { lines, clock, onoff, close, read } = await setUp({ path: sortbinIoPath() });
  await lines.start(never);
  return {
    lines,
    at: (name) => ({ chip: 'bank', offset: OFFSETS[name] }),
    missingLine: { chip: 'nowhere', offset: 0 },
    servo: null,
    press: (name, active) => onoff.press(BASE + OFFSETS[name], active),
    level: (name) => {
      if (name === 'servo') return false;
      return read(BASE + OFFSETS[name], 'value').startsWith(CONTRACT_LINES[name].activeLow ? '0' : '1');
    },
    nowNs: () => nowNs(clock),
    advance: async () => {},
    close,
  };
});

describe('sysfs lines', () => {
  it('report at the start what is missing, and how to fix it', async (test) => {
    const bare = await setUp({ root: '/nowhere/class/gpio' }, test);
    await assert.rejects(
      bare.lines.start(never),
      /^.*\/nowhere\/class\/gpio: not available .*\. Set lines\.driver to sortbin-io\.$/,
    );
    const unloaded = await setUp(
      { load: () => Promise.reject(new Error("Cannot find package 'onoff'")) },
      test,
    );
    await assert.rejects(
      unloaded.lines.start(never),
      /Cannot find package 'onoff'.*Run npm install onoff@6, or set lines\.driver to sortbin-io\.$/,
    );
    assert.equal(unloaded.fake.starts, 0);
  });

  it('find the number of a line by the label of its chip', async (test) => {
    const { lines, onoff, fake, close } = await setUp({}, test);
    await lines.start(never);
    await lines.input('lid', INPUT);
    assert.deepEqual([...onoff.exported.keys()], [517]);
    const unknown = await lines.input('a', { ...INPUT, at: { chip: 'gpiochip0', offset: 0 } });
    assert.match(
      unknown.ok ? '' : unknown.fault.message,
      /label "gpiochip0"\. Available labels: other, bank\./,
    );
    const far = await lines.input('a', { ...INPUT, at: { chip: 'bank', offset: 32 } });
    assert.match(far.ok ? '' : far.fault.message, /offset is 32\. This chip has the lines 0 to 31\./);
    for (const rules of [
      { ...INPUT, at: { line: 'GPIO5' } },
      { ...INPUT, bias: 'pull-up' as const },
    ]) {
      const answer = await lines.input('a', rules);
      assert.equal(!answer.ok && answer.fault.code, 'line-unsupported');
    }
    assert.deepEqual(fake.commands, []);
    await close();
    assert.deepEqual([...onoff.exported.keys()], []);
  });

  it('export an output off, whatever its level was, and let sortbin-io drive it', async (test) => {
    const { root, lines, onoff, fake, close, read } = await setUp({}, test);
    await lines.start(never);
    // Left on by a killed process.
    mkdirSync(join(root, 'gpio513'));
    writeFileSync(join(root, 'gpio513', 'direction'), 'out\n');
    writeFileSync(join(root, 'gpio513', 'value'), '1\n');
    const cases = [
      ['gate', 1, false],
      ['flap', 2, true],
    ] as const;
    for (const [name, offset, activeLow] of cases) {
      const answer = await lines.output(name, { ...OUTPUT, activeLow, at: { chip: 'bank', offset } });
      assert.ok(answer.ok);
      assert.equal(read(BASE + offset, 'value').trim(), activeLow ? '1' : '0');
    }
    assert.deepEqual(onoff.directions, ['low', 'high']);
    const value = (number: number) => join(root, `gpio${number}`, 'value');
    assert.deepEqual(fake.commands, [
      `out gate file ${value(513)} bound=60000000 lease=400000`,
      `out flap file ${value(514)} bound=60000000 low lease=400000`,
    ]);
    onoff.ignoresDirection = true;
    const stuck = await lines.output('lamp', { ...OUTPUT, at: { chip: 'bank', offset: 7 } });
    assert.match(stuck.ok ? '' : stuck.fault.message, /"lamp".*the output is not off \(direction in/);
    await close();
    assert.deepEqual([...onoff.exported.keys()], [513, 514, 519]);
  });

  it('translate errors of the kernel to faults', async (test) => {
    const { lines, onoff } = await setUp({}, test);
    await lines.start(never);
    const cases = [
      ['EBUSY', 'line-busy', /"lid" \(gpio517\).*gpioinfo/],
      ['EACCES', 'line-denied', /group gpio/],
      ['EINVAL', 'line-missing', /does not exist in sysfs/],
      ['EIO', 'line-unsupported', /EIO/],
    ] as const;
    for (const [error, code, message] of cases) {
      onoff.error = error;
      const answer = await lines.input('lid', INPUT);
      assert.ok(!answer.ok);
      assert.equal(answer.fault.code, code);
      assert.match(answer.fault.message, message);
    }
  });

  it('count a missed edge when the level changed back before the read, unless it is debounced', async (test) => {
    const { lines, onoff } = await setUp({}, test);
    await lines.start(never);
    const edges: Edge[] = [];
    const fast = await lines.input('fast', INPUT);
    const slow = await lines.input('slow', { ...INPUT, at: { chip: 'bank', offset: 6 }, debounceMs: 20 });
    assert.ok(fast.ok && slow.ok);
    fast.value.onEdge((edge) => edges.push(edge));
    slow.value.onEdge(() => assert.fail('a bounce was reported'));
    onoff.reportEdge(517);
    onoff.reportEdge(518);
    assert.deepEqual(
      edges.map(({ active, missed }) => [active, missed]),
      [[false, 1]],
    );
    assert.equal(onoff.debounceMs(518), 20);
  });

  it('keep an output off while its guard cannot be read', async (test) => {
    const { lines, onoff, fake } = await setUp({}, test);
    await lines.start(never);
    await lines.input('lid', INPUT);
    const gate = await lines.output('gate', { ...OUTPUT, at: { chip: 'bank', offset: 1 }, guards: ['lid'] });
    assert.ok(gate.ok);
    const hold = gate.value.hold(never);
    await until('the gate is on', () => fake.level('gate'));
    onoff.press(517, true);
    const off = await hold;
    assert.equal(off.ok && off.value.reason, 'guard');
    onoff.press(517, false);
    onoff.unplug(517);
    const refused = await gate.value.pulse(10, never);
    assert.equal(!refused.ok && refused.fault.code, 'line-guarded');
    assert.match(
      refused.ok ? '' : refused.fault.message,
      /"gate": stays off because its guard cannot be read\. "lid".*ENODEV.*Plug it in again/,
    );
  });

  it('turn an output off when its guard is unplugged', async (test) => {
    const clock = new SimulatedClock();
    const { lines, onoff, fake } = await setUp({ clock, leaseMs: 60_000 }, test);
    await lines.start(never);
    await lines.input('lid', INPUT);
    const gate = await lines.output('gate', { ...OUTPUT, at: { chip: 'bank', offset: 1 }, guards: ['lid'] });
    assert.ok(gate.ok);
    const hold = gate.value.hold(never);
    await until('the gate is on', () => fake.level('gate'));
    await clock.advance(500);
    assert.equal(fake.level('gate'), true);
    onoff.unplug(517);
    await clock.advance(500);
    await until('the gate is off', () => !fake.level('gate'));
    const off = await hold;
    assert.equal(off.ok && off.value.reason, 'guard');
  });

  it('report once that an input was unplugged, and once that it can be read again', async (test) => {
    const clock = new SimulatedClock();
    const { lines, onoff, close } = await setUp({ clock }, test);
    const health: (string | null)[] = [];
    lines.onHealth((fault) => health.push(fault && `${fault.code}: ${fault.message}`));
    await lines.start(never);
    await lines.input('lid', INPUT);
    await lines.input('button', { ...INPUT, at: { chip: 'bank', offset: 6 } });
    await clock.advance(10_000);
    assert.deepEqual(health, []);
    onoff.unplug(517);
    await clock.advance(10_000);
    assert.equal(health.length, 1);
    assert.match(health[0] ?? '', /^line-gone: "lid".*unplugged\. Plug it in again, then restart sortbin\.$/);
    onoff.plug(517);
    await clock.advance(10_000);
    assert.deepEqual(health.slice(1), [null]);
    onoff.unplug(518);
    await close();
    await clock.advance(10_000);
    assert.deepEqual([health.length, clock.waiting], [2, 0]);
  });

  it('report faults of sortbin-io too', async (test) => {
    const { lines, fake } = await setUp({}, test);
    const health: (string | null)[] = [];
    lines.onHealth((fault) => health.push(fault?.code ?? null));
    await lines.start(never);
    fake.exit();
    await until('sortbin-io is down, then running again', () => health.length === 2);
    assert.deepEqual(health, ['lines-down', null]);
  });
});
