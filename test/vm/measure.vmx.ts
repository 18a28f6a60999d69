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
import { sortbinIoPath } from '../support/sortbin-io.js';
import { until } from '../support/until.js';
import { makeGate, inputRules, LABEL, NAMES, makeSortbinIoLines, value } from './guest/bin-lines.js';
import { GpioSim } from './guest/gpio-sim.js';
import { Holding } from './guest/holding.js';
import { Sampling } from './guest/sample.js';

// Figures, no proofs. In the guest: `run.sh -v measure`, on simulated chips. Outside, `node BUILD/test/vm/measure.vmx.js`
// without emulation, but with a plain file in place of the line: what the kernel's GPIO takes is then not in it.

const MEASURES = Number(process.env.MEASURES ?? 200);
const SAMPLED_EACH_MS = 0.2;
const BOUND_MS = 60_000;
const never = new AbortController().signal;
const hasChips = existsSync('/sys/module/gpio_sim');

const tell = (context: TestContext, what: string, ms: readonly number[]): void => {
  const { p50, p99 } = percentiles(ms);
  const figures = [p50, p99, Math.max(...ms)].map((figure) => figure.toFixed(2));
  context.diagnostic(`| ${[what, ms.length, ...figures].join(' | ')} |`);
};
const sinceMs = (ns: bigint): number => Number(process.hrtime.bigint() - ns) / 1e6;

describe(`figures (p50, p99, max in ms), kernel ${release()}`, {
  timeout: (MEASURES + 10) * BOUND_MS,
}, () => {
  const sim = hasChips ? GpioSim.create(LABEL, NAMES) : null;
  const folder = mkdtempSync(join(tmpdir(), 'measure-'));
  const file = join(folder, 'gate');
  writeFileSync(file, '0');
  const driver = sim ? 'io' : file;
  const line = sim ? sim.valueFile('gate') : file;
  const sample = () => Sampling.start(line, { everyMs: SAMPLED_EACH_MS, forMs: 24 * 3_600_000 });
  after(() => {
    sim?.remove();
    rmSync(folder, { recursive: true });
  });

  it('edge to trigger', { skip: !sim }, async (context) => {
    if (!sim) return;
    const lines = makeSortbinIoLines();
    await lines.start();
    const input = value(await lines.input('lid', inputRules('lid')));
    const trigger = new LineTrigger({ input, source: 'beam', minGapMs: 0, clock: new SystemClock(), newId });
    const ms: number[] = [];
    trigger.start(({ atMs }) => ms.push(Number(process.hrtime.bigint()) / 1e6 - atMs));
    for (let edge = 1; edge <= MEASURES; edge++) {
      sim.pull('lid', 'up');
      await until('a trigger', () => ms.length === edge, BOUND_MS);
      sim.pull('lid', 'down');
      await wait(10);
    }
    await lines.close();
    tell(context, "edge (the kernel's time) to the trigger in JavaScript", ms);
  });

  it('command to line', async (context) => {
    const { lines, take } = makeGate(driver);
    await lines.start();
    const gate = value(await take());
    const sampling = await sample();
    const ms: number[] = [];
    for (let pulse = 0; pulse < MEASURES; pulse++) {
      const before = sampling.readings.length;
      const atNs = process.hrtime.bigint();
      value(await gate.pulse(20, never));
      await until('it was seen', () => sampling.readings.length === before + 2, BOUND_MS);
      ms.push(Number((sampling.readings[before]?.atNs ?? 0n) - atNs) / 1e6);
    }
    await sampling.stop();
    await lines.close();
    tell(context, 'call of pulse() in JavaScript to the level', ms);
  });

  it('SIGKILL to low', async (context) => {
    const sampling = await sample();
    const ms: number[] = [];
    for (let kill = 0; kill < MEASURES; kill++) {
      const holding = await Holding.start({ driver });
      const before = sampling.readings.length;
      holding.tell('hold');
      await until('it is on', () => sampling.readings.length > before, BOUND_MS);
      await wait(50);
      const atNs = process.hrtime.bigint();
      await holding.end();
      await until('it is off', () => sampling.readings.length > before + 1, BOUND_MS);
      ms.push(Number((sampling.readings[before + 1]?.atNs ?? 0n) - atNs) / 1e6);
    }
    await sampling.stop();
    tell(context, 'SIGKILL of the daemon to the level', ms);
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
    tell(context, 'spawn of sortbin-io to its greeting', ms);
    context.diagnostic(`VmRSS of sortbin-io: ${memory}`);
    for (const platform of ['linux-x64', 'linux-arm64', 'linux-armhf'])
      context.diagnostic(
        `size for ${platform}: ${statSync(join(packageRoot(), 'deploy/native', platform, 'sortbin-io')).size} bytes`,
      );
  });
});
