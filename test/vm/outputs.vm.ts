import assert from 'node:assert/strict';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { LineFault } from '../../device/hardware/lines/lines.js';
import { until } from '../support/until.js';
import { inputRules, outputRules, value } from './guest/bin-lines.js';
import { Holding } from './guest/holding.js';
import { blockLoop, makeSortbinIoBench } from './guest/io-bench.js';
import { Sampling } from './guest/sample.js';

const DEADLINE_MS = 30_000;
const never = new AbortController().signal;

/** Checks that the line went on once and off once. Returns both times. */
const onAndOff = async (sampling: Sampling): Promise<readonly [onNs: bigint, offNs: bigint]> => {
  const [low, on, off, more] = (await sampling.stop()).readings;
  assert.deepEqual([low?.value, on?.value, off?.value, more], ['0', '1', '0', undefined]);
  return [on?.atNs ?? 0n, off?.atNs ?? 0n];
};

describe('an output of sortbin-io, measured from outside', { timeout: 4 * DEADLINE_MS }, () => {
  let bench: Awaited<ReturnType<typeof makeSortbinIoBench>>;
  beforeEach(async () => {
    bench = await makeSortbinIoBench();
  });
  afterEach(() => bench.close());

  const requestGate = async (more = {}) => value(await bench.lines.output('gate', outputRules('gate', more)));
  const untilGateOn = () => until('the gate is on', () => bench.sim.value('gate') === 1, DEADLINE_MS);

  it('is on for the time of its pulse', async () => {
    const gate = await requestGate();
    const sampling = await Sampling.start(bench.sim.valueFile('gate'));
    const off = value(await gate.pulse(300, never));
    assert.equal(off.reason, 'time');
    const [onNs, offNs] = await onAndOff(sampling);
    const { longestGapMs } = await sampling.stop();
    const onMs = Number(offNs - onNs) / 1e6;
    assert.ok(onMs + longestGapMs >= 300, `on for ${onMs} ms, longest sampling gap ${longestGapMs} ms`);
  });

  it('goes off by its lease while the event loop is blocked', async () => {
    const gate = await requestGate();
    const sampling = await Sampling.start(bench.sim.valueFile('gate'));
    const hold = gate.hold(never);
    await untilGateOn();
    blockLoop('sleep 4');
    const unblockedNs = process.hrtime.bigint();
    assert.equal(value(await hold).reason, 'lease');
    const [, offNs] = await onAndOff(sampling);
    assert.ok(offNs < unblockedNs);
  });

  it('goes off by its guard while the event loop is blocked', async () => {
    value(await bench.lines.input('lid', inputRules('lid')));
    // The lease would turn it off too, but later.
    const gate = await requestGate({ guards: ['lid'] });
    const pulse = gate.pulse(DEADLINE_MS, never);
    await untilGateOn();
    blockLoop('echo pull-up >"$0"; sleep 0.2', join(bench.sim.valueFile('lid'), '../pull'));
    assert.equal(bench.sim.value('gate'), 0);
    assert.equal(value(await pulse).reason, 'guard');
  });

  it('goes off when the daemon is killed', async () => {
    const sampling = await Sampling.start(bench.sim.valueFile('gate'));
    const daemon = await Holding.start();
    daemon.send('hold');
    await untilGateOn();
    daemon.kill('SIGKILL');
    await until('the gate is off', () => bench.sim.value('gate') === 0, DEADLINE_MS);
    await until('no process holds it', () => !bench.sim.info('gate').used, DEADLINE_MS);
    await onAndOff(sampling);
  });

  it('goes off when sortbin-io is killed, and works again', async () => {
    const gate = await requestGate();
    const health: (LineFault | null)[] = [];
    bench.lines.onHealth((fault) => health.push(fault?.code ?? null));
    const sampling = await Sampling.start(bench.sim.valueFile('gate'));
    const hold = gate.hold(never);
    await untilGateOn();
    const { pid } = bench.lines;
    assert.ok(pid !== undefined);
    process.kill(pid, 'SIGKILL');
    assert.equal(value(await hold).reason, 'down');
    await until('a new sortbin-io runs', () => health.length === 2, DEADLINE_MS);
    assert.deepEqual(health, ['lines-down', null]);
    await onAndOff(sampling);
    assert.equal(value(await gate.pulse(50, never)).reason, 'time');
  });
});
