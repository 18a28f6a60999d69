import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it, type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { LineTrigger } from '../../device/hardware/trigger/line-trigger.js';
import { SystemClock } from '../../device/kit/clock.js';
import { newId } from '../../device/kit/ids.js';
import { packageRoot } from '../../device/kit/root.js';
import { percentiles } from '../../device/tools/bench/report.js';
import { sortbinIoPath } from '../support/hardware/sortbin-io.js';
import { until } from '../support/until.js';
import { inputRules, LABEL, makeGate, makeSortbinIoLines, NAMES, value } from './guest/bin-lines.js';
import { GpioSim } from './guest/gpio-sim.js';
import { Holding } from './guest/holding.js';
import { Sampling } from './guest/sample.js';

// These tests measure. They check no limit. In the guest, `run.sh -v measure` uses simulated chips.
// On the host, `node BUILD/test/vm/measure.vmx.js` runs without emulation. A plain file replaces the line there, so the
// figures do not contain the time of the kernel's GPIO.

const MEASURES = Number(process.env.MEASURES ?? 200);
const SAMPLE_EVERY_MS = 0.2;
const DEADLINE_MS = 60_000;
const never = new AbortController().signal;
const hasChips = existsSync('/sys/module/gpio_sim');

const report = (context: TestContext, what: string, ms: readonly number[]): void => {
  const { p50, p99 } = percentiles(ms);
  const figures = [p50, p99, Math.max(...ms)].map((figure) => figure.toFixed(2));
  context.diagnostic(`| ${[what, ms.length, ...figures].join(' | ')} |`);
};
const sinceMs = (ns: bigint): number => Number(process.hrtime.bigint() - ns) / 1e6;

describe(`figures (p50, p99, max in ms), kernel ${release()}`, {
  timeout: (MEASURES + 10) * DEADLINE_MS,
}, () => {
  const sim = hasChips ? GpioSim.create(LABEL, NAMES) : null;
  const folder = mkdtempSync(join(tmpdir(), 'measure-'));
  const file = join(folder, 'gate');
  writeFileSync(file, '0');
  const driver = sim ? 'io' : file;
  const line = sim ? sim.valueFile('gate') : file;
  const sample = () => Sampling.start(line, { everyMs: SAMPLE_EVERY_MS, forMs: 24 * 3_600_000 });
  after(() => {
    sim?.remove();
    rmSync(folder, { recursive: true });
  });

  it('edge to trigger', { skip: !sim }, async (context) => {
    if (!sim) return;
    const lines = makeSortbinIoLines();
    await lines.start(never);
    const input = value(await lines.input('lid', inputRules('lid')));
    const trigger = new LineTrigger({ input, source: 'beam', minGapMs: 0, clock: new SystemClock(), newId });
    const ms: number[] = [];
    trigger.start(({ atMs }) => ms.push(Number(process.hrtime.bigint()) / 1e6 - atMs));
    for (let edge = 1; edge <= MEASURES; edge++) {
      sim.pull('lid', 'up');
      await until('a trigger', () => ms.length === edge, DEADLINE_MS);
      sim.pull('lid', 'down');
      await wait(10);
    }
    await lines.close();
    report(context, "edge (the kernel's time) to the trigger in JavaScript", ms);
  });

  it('command to line', async (context) => {
    const { lines, request } = makeGate(driver);
    await lines.start(never);
    const gate = value(await request());
    const sampling = await sample();
    const ms: number[] = [];
    for (let pulse = 0; pulse < MEASURES; pulse++) {
      const before = sampling.readings.length;
      const atNs = process.hrtime.bigint();
      value(await gate.pulse(20, never));
      await until('the pulse was sampled', () => sampling.readings.length === before + 2, DEADLINE_MS);
      ms.push(Number((sampling.readings[before]?.atNs ?? 0n) - atNs) / 1e6);
    }
    await sampling.stop();
    await lines.close();
    report(context, 'call of pulse() in JavaScript to the level', ms);
  });

  it('SIGKILL to low', async (context) => {
    const sampling = await sample();
    const ms: number[] = [];
    for (let kill = 0; kill < MEASURES; kill++) {
      const holding = await Holding.start({ driver });
      const before = sampling.readings.length;
      holding.send('hold');
      await until('the line is on', () => sampling.readings.length > before, DEADLINE_MS);
      await wait(50);
      const atNs = process.hrtime.bigint();
      await holding.end();
      await until('the line is off', () => sampling.readings.length > before + 1, DEADLINE_MS);
      ms.push(Number((sampling.readings[before + 1]?.atNs ?? 0n) - atNs) / 1e6);
    }
    await sampling.stop();
    report(context, 'SIGKILL of the daemon to the level', ms);
  });

  it('start and memory of sortbin-io', async (context) => {
    const ms: number[] = [];
    let memory = '';
    for (let start = 0; start < MEASURES; start++) {
      const atNs = process.hrtime.bigint();
      const child = spawn(sortbinIoPath(), { stdio: ['pipe', 'pipe', 'inherit'], env: {} });
      await once(child.stdout, 'data');
      ms.push(sinceMs(atNs));
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
      memory = /^VmRSS:\s*(.*)$/m.exec(status)?.[1] ?? '?';
      child.stdin.end();
      await once(child, 'exit');
    }
    report(context, 'spawn of sortbin-io to its version line', ms);
    context.diagnostic(`VmRSS of sortbin-io: ${memory}`);
    for (const platform of ['linux-x64', 'linux-arm64', 'linux-armhf'])
      context.diagnostic(
        `size for ${platform}: ${statSync(join(packageRoot(), 'deploy/native', platform, 'sortbin-io')).size} bytes`,
      );
  });
});
