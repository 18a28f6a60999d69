import assert from 'node:assert/strict';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { LineFault } from '../../device/hardware/lines/lines.js';
import { until } from '../support/until.js';
import { inputRules, outputRules, value } from './guest/bin-lines.js';
import { Holding } from './guest/holding.js';
import { blockLoop, makeSortbinIoBench } from './guest/io-bench.js';
import { Sampling } from './guest/sample.js';

const BOUND_MS = 30_000;
const never = new AbortController().signal;

/** It went on once and off once; the times of that. */
const sawOneStay = async (sampling: Sampling): Promise<readonly [onNs: bigint, offNs: bigint]> => {
  const [low, on, off, more] = (await sampling.stop()).readings;
  assert.deepEqual([low?.value, on?.value, off?.value, more], ['0', '1', '0', undefined]);
  return [on?.atNs ?? 0n, off?.atNs ?? 0n];
};

describe('an output of sortbin-io, seen from outside', { timeout: 4 * BOUND_MS }, () => {
  let bench: Awaited<ReturnType<typeof makeSortbinIoBench>>;
  beforeEach(async () => {
    bench = await makeSortbinIoBench();
  });
  afterEach(() => bench.close());

  const takeGate = async (more = {}) => value(await bench.lines.output('gate', outputRules('gate', more)));
  const gateIsOn = () => until('the gate is on', () => bench.sim.value('gate') === 1, BOUND_MS);

  it('is on for the time of its pulse', async () => {
    const gate = await takeGate();
    const sampling = await Sampling.start(bench.sim.valueFile('gate'));
    const off = value(await gate.pulse(300, never));
    assert.equal(off.reason, 'time');
    const [onNs, offNs] = await sawOneStay(sampling);
    const { longestGapMs } = await sampling.stop();
    const seenMs = Number(offNs - onNs) / 1e6;
    assert.ok(
      seenMs + longestGapMs >= 300,
      `seen for ${seenMs} ms, read each ${longestGapMs} ms at the latest`,
    );
  });

  it('goes off by its lease while the event loop is blocked', async () => {
    const gate = await takeGate();
    const sampling = await Sampling.start(bench.sim.valueFile('gate'));
    const hold = gate.hold(never);
    await gateIsOn();
    blockLoop('sleep 4');
    const freeNs = process.hrtime.bigint();
    assert.equal(value(await hold).reason, 'lease');
    const [, offNs] = await sawOneStay(sampling);
    assert.ok(offNs < freeNs);
  });

  it('goes off by its guard while the event loop is blocked', async () => {
    value(await bench.lines.input('lid', inputRules('lid')));
    // A lease would end it too, though later.
    const gate = await takeGate({ guards: ['lid'] });
    const pulse = gate.pulse(BOUND_MS, never);
    await gateIsOn();
    blockLoop('echo pull-up >"$0"; sleep 0.2', join(bench.sim.valueFile('lid'), '../pull'));
    assert.equal(bench.sim.value('gate'), 0);
    assert.equal(value(await pulse).reason, 'guard');
  });

  it('goes off when the daemon is killed', async () => {
    const sampling = await Sampling.start(bench.sim.valueFile('gate'));
    const daemon = await Holding.start();
    daemon.tell('hold');
    await gateIsOn();
    daemon.kill('SIGKILL');
    await until('the gate is off', () => bench.sim.value('gate') === 0, BOUND_MS);
    await until('nobody holds it', () => !bench.sim.info('gate').used, BOUND_MS);
    await sawOneStay(sampling);
  });

  it('goes off when sortbin-io itself is killed, and can be had again', async () => {
    const gate = await takeGate();
    const health: (LineFault | null)[] = [];
    bench.lines.onHealth((fault) => health.push(fault?.code ?? null));
    const sampling = await Sampling.start(bench.sim.valueFile('gate'));
    const hold = gate.hold(never);
    await gateIsOn();
    const { pid } = bench.lines;
    assert.ok(pid !== undefined);
    process.kill(pid, 'SIGKILL');
    assert.equal(value(await hold).reason, 'down');
    await until('another one serves', () => health.length === 2, BOUND_MS);
    assert.deepEqual(health, ['lines-down', null]);
    await sawOneStay(sampling);
    assert.equal(value(await gate.pulse(50, never)).reason, 'time');
  });
});
