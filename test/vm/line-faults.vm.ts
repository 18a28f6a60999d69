import assert from 'node:assert/strict';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { Edge, LineFault } from '../../device/hardware/lines/lines.js';
import { until } from '../support/until.js';
import { at, codeOf, inputRules, outputRules, value } from './guest/bin-lines.js';
import { HeldLine } from './guest/gpio-cdev.js';
import { blockLoop, makeSortbinIoBench } from './guest/io-bench.js';
import { Sampling } from './guest/sample.js';

const DEADLINE_MS = 30_000;
const never = new AbortController().signal;
const SERVO = { periodUs: 20_000, minPulseUs: 600, maxPulseUs: 2_400, maxOnMs: 60_000, guards: [] };

describe('lines of sortbin-io', { timeout: 4 * DEADLINE_MS }, () => {
  let bench: Awaited<ReturnType<typeof makeSortbinIoBench>>;
  beforeEach(async () => {
    bench = await makeSortbinIoBench();
  });
  afterEach(() => bench.close());

  it('report that their chip was unplugged, and work again with it', async () => {
    const lid = value(await bench.lines.input('lid', inputRules('lid')));
    const gate = value(await bench.lines.output('gate', outputRules('gate')));
    const health: (LineFault | null)[] = [];
    bench.lines.onHealth((fault) => health.push(fault?.code ?? null));
    const hold = gate.hold(never);
    await until('the gate is on', () => bench.sim.value('gate') === 1, DEADLINE_MS);
    bench.sim.unplug();
    assert.equal(value(await hold).reason, 'gone');
    await until('the fault is reported', () => health.length > 0, DEADLINE_MS);
    assert.ok(health.every((code) => code === 'line-gone'));
    assert.equal(codeOf(await gate.pulse(50, never)), 'line-gone');
    bench.sim.plug();
    await until('the line works again', () => health.at(-1) === null, DEADLINE_MS);
    assert.equal(bench.sim.value('gate'), 0);
    assert.equal(value(await gate.pulse(50, never)).reason, 'time');
    const edges: Edge[] = [];
    lid.onEdge((edge) => edges.push(edge));
    bench.sim.pull('lid', 'up');
    await until('an edge', () => edges.length === 1, DEADLINE_MS);
  });

  it('name the holder of a busy line', async () => {
    const holder = HeldLine.input(bench.sim.chip, 0, 'doorbell');
    try {
      const busy = await bench.lines.input('lid', inputRules('lid'));
      assert.equal(codeOf(busy), 'line-busy');
      assert.match(!busy.ok ? busy.fault.message : '', /doorbell/);
    } finally {
      holder.release();
    }
    value(await bench.lines.input('lid', inputRules('lid')));
  });

  it('are found by their names too', async () => {
    const lid = value(await bench.lines.input('lid', inputRules('lid', { at: { line: 'lid' } })));
    bench.sim.pull('lid', 'up');
    assert.equal(value(await lid.active()), true);
    assert.match(bench.sim.info('lid').consumer, /sortbin/);
  });

  it('let the kernel debounce a bouncing switch', async () => {
    const lid = value(await bench.lines.input('lid', inputRules('lid', { debounceMs: 300 })));
    const edges: Edge[] = [];
    lid.onEdge((edge) => edges.push(edge));
    for (const to of ['up', 'down', 'up', 'down', 'up'] as const) bench.sim.pull('lid', to);
    await until('an edge', () => edges.length > 0, DEADLINE_MS);
    bench.sim.pull('lid', 'down');
    await until('another edge', () => edges.length > 1, DEADLINE_MS);
    assert.deepEqual(
      edges.map(({ active, missed }) => [active, missed]),
      [
        [true, 0],
        [false, 0],
      ],
    );
  });

  it('report every edge with its own time, in order, also if they are reported late', async () => {
    const lid = value(await bench.lines.input('lid', inputRules('lid')));
    const edges: Edge[] = [];
    lid.onEdge((edge) => edges.push(edge));
    const beforeNs = process.hrtime.bigint();
    blockLoop(
      'for to in up down up down; do echo pull-$to >"$0"; sleep 0.1; done',
      join(bench.sim.valueFile('lid'), '../pull'),
    );
    const afterNs = process.hrtime.bigint();
    await until('four edges', () => edges.length === 4, DEADLINE_MS);
    assert.deepEqual(
      edges.map(({ active, missed }) => [active, missed]),
      [true, false, true, false].map((active) => [active, 0]),
    );
    const times = [beforeNs, ...edges.map(({ atNs }) => atNs), afterNs];
    assert.ok(times.every((time, index) => index === 0 || time > (times[index - 1] ?? 0n)));
  });

  it('stop a servo that its last holder left running', async () => {
    const leaveRunning =
      'cd "$0"; echo 1 >export; cd pwm1; echo 30000000 >period; echo 25000000 >duty_cycle; echo 1 >enable';
    blockLoop(leaveRunning, `/sys/class/pwm/pwmchip${bench.pwm.number}`);
    assert.equal(bench.pwm.pulseNs(1), 25_000_000);
    const servo = value(
      await bench.lines.pwm('servo', { at: { chip: bench.pwm.device, channel: 1 }, ...SERVO }),
    );
    assert.equal(bench.pwm.pulseNs(1), 0);
    const abort = new AbortController();
    const sampling = await Sampling.start(bench.pwm.pulseFile(1));
    const drive = servo.drive(1_500, abort.signal);
    await until('the servo receives pulses', () => sampling.readings.length === 2, DEADLINE_MS);
    assert.deepEqual(bench.pwm.state(1), {
      requested: true,
      enabled: true,
      periodNs: 20_000_000,
      dutyNs: 1_500_000,
    });
    abort.abort();
    assert.equal(value(await drive).reason, 'command');
    const { readings } = await sampling.stop();
    // No other pulse length in between.
    assert.deepEqual(
      readings.map((reading) => reading.value),
      ['0', '1500000', '0'],
    );
  });

  it('refuse lines and channels that do not exist', async () => {
    const missing = await Promise.all([
      bench.lines.input('ghost', inputRules('lid', { at: { line: 'ghost' } })),
      bench.lines.input('far', inputRules('lid', { at: { ...at('lid'), offset: 99 } })),
      bench.lines.pwm('servo', { at: { chip: bench.pwm.device, channel: 7 }, ...SERVO }),
      bench.lines.pwm('other', { at: { chip: '9', channel: 0 }, ...SERVO }),
    ]);
    assert.deepEqual(
      missing.map(codeOf),
      missing.map(() => 'line-missing'),
    );
  });
});
