import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { sortbinIoPath } from '../support/hardware/sortbin-io.js';
import { until } from '../support/until.js';
import { codeOf, inputRules, LABEL, makeSysfsLines, outputRules, value } from './guest/bin-lines.js';
import { HeldLine } from './guest/gpio-cdev.js';
import { Holding } from './guest/holding.js';
import { makeBench } from './guest/io-bench.js';

const DEADLINE_MS = 30_000;
const ROOT = '/sys/class/gpio';
const never = new AbortController().signal;

/** Returns the first line number of a chip. The kernel counts down from 1024 on 6.1, and up from 512 on 6.12. */
const baseOf = (label: string): number => {
  const read = (folder: string, file: string) => readFileSync(join(ROOT, folder, file), 'utf8').trim();
  const chip = readdirSync(ROOT).find((name) => /^gpiochip\d/.test(name) && read(name, 'label') === label);
  return chip === undefined ? Number.NaN : Number(read(chip, 'base'));
};

describe('lines by onoff and sysfs', { timeout: 4 * DEADLINE_MS }, () => {
  let folder: string;
  let bench: Awaited<ReturnType<typeof makeBench>>;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sysfs-'));
    bench = await makeBench(makeSysfsLines());
  });
  afterEach(async () => {
    await bench.close();
    await rm(folder, { recursive: true });
  });

  it('use the line numbers of this kernel, and unexport inputs on close', async () => {
    const base = baseOf(LABEL);
    assert.ok(base > 0);
    value(await bench.lines.input('lid', inputRules('lid')));
    value(await bench.lines.output('gate', outputRules('gate')));
    const exported = () => readdirSync(ROOT).filter((name) => /^gpio\d/.test(name));
    const numbers = [bench.sim.offset('lid'), bench.sim.offset('gate')].map(
      (offset) => `gpio${base + offset}`,
    );
    assert.deepEqual(exported().sort(), numbers.sort());
    assert.equal(bench.sim.info('gate').direction, 'output');
    await bench.lines.close();
    assert.deepEqual(exported(), [`gpio${base + bench.sim.offset('gate')}`]);
  });

  it('are busy while another process holds them by the character device', async () => {
    const holder = HeldLine.input(bench.sim.chip, bench.sim.offset('lid'));
    try {
      assert.equal(codeOf(await bench.lines.input('lid', inputRules('lid'))), 'line-busy');
    } finally {
      holder.release();
    }
    value(await bench.lines.input('lid', inputRules('lid')));
  });

  // Exported lines keep their level on every kernel.
  it('stay on when the daemon and sortbin-io are killed, until sortbin-io --safe', async () => {
    const outputsFile = join(folder, 'outputs.txt');
    const daemon = await Holding.start({ driver: 'sysfs', outputsFile });
    daemon.send('hold');
    await until('the gate is on', () => bench.sim.value('gate') === 1, DEADLINE_MS);
    process.kill(daemon.ioPid, 'SIGKILL');
    await daemon.end();
    assert.equal(bench.sim.value('gate'), 1);
    const { status, stderr } = spawnSync(sortbinIoPath(), ['--safe', outputsFile], { encoding: 'utf8' });
    assert.deepEqual([status, stderr], [0, '']);
    assert.equal(bench.sim.value('gate'), 0);
  });

  it('turn an output that was left on off at the start of a daemon', async () => {
    const daemon = await Holding.start({ driver: 'sysfs' });
    daemon.send('hold');
    await until('the gate is on', () => bench.sim.value('gate') === 1, DEADLINE_MS);
    process.kill(daemon.ioPid, 'SIGKILL');
    await daemon.end();
    const gate = value(await bench.lines.output('gate', outputRules('gate')));
    assert.equal(bench.sim.value('gate'), 0);
    assert.equal(value(await gate.pulse(50, never)).reason, 'time');
  });

  // Sysfs does not report that a chip was unplugged.
  it('report on their own that the chip of an input was unplugged', async () => {
    const health: (string | null)[] = [];
    bench.lines.onHealth((fault) => health.push(fault && `${fault.code}: ${fault.message}`));
    value(await bench.lines.input('lid', inputRules('lid')));
    bench.sim.unplug();
    await until('a fault is reported', () => health.length > 0, DEADLINE_MS);
    assert.match(health[0] ?? '', /^line-gone: "lid".*Plug it in again, then restart sortbin\.$/);
  });

  // A new start is needed to export the lines again.
  it('report an unplugged chip when they are used, and work again after a restart', async () => {
    const lid = value(await bench.lines.input('lid', inputRules('lid')));
    const gate = value(await bench.lines.output('gate', outputRules('gate')));
    const base = baseOf(LABEL);
    const pulse = gate.pulse(200, never);
    await until('the gate is on', () => bench.sim.value('gate') === 1, DEADLINE_MS);
    bench.sim.unplug();
    assert.equal(value(await pulse).reason, 'gone');
    assert.equal(existsSync(join(ROOT, `gpio${base + bench.sim.offset('gate')}`)), false);
    bench.sim.plug();
    const level = await lid.active();
    assert.deepEqual([codeOf(level), codeOf(await gate.pulse(50, never))], ['line-gone', 'line-gone']);
    assert.match(level.ok ? '' : level.fault.message, /restart sortbin/i);
    const restarted = makeSysfsLines();
    await restarted.start(never);
    try {
      const again = value(await restarted.output('gate', outputRules('gate')));
      assert.equal(value(await again.pulse(50, never)).reason, 'time');
    } finally {
      await restarted.close();
    }
  });
});
