import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { EXIT } from '../../device/tools/cli/failure.js';
import { until } from '../support/until.js';
import { bounce } from './guest/bounce.js';
import { CHIP, DaemonRun, LINES, MAX_ON_MS, ON_MS, SETTLE_MS } from './guest/daemon.js';
import { HeldLine } from './guest/gpio-cdev.js';
import { GpioSim } from './guest/gpio-sim.js';
import { type Sampled, Sampling } from './guest/sample.js';

const DEADLINE_MS = 60_000;
const BOUNCE_MS = 300;

const values = ({ readings }: Pick<Sampled, 'readings'>) => readings.map(({ value }) => value);
const untilOn = (sampling: Sampling) =>
  until('the gate is on', () => sampling.readings.at(-1)?.value === '1', DEADLINE_MS);
const onTimesMs = ({ readings }: Sampled) =>
  readings.flatMap(({ value, atNs }, index) =>
    value === '1' ? [Number((readings[index + 1]?.atNs ?? 0n) - atNs) / 1e6] : [],
  );

// One daemon runs all of these tests, because each start takes many seconds in emulation.
describe('the running daemon', { timeout: 20 * DEADLINE_MS }, () => {
  let sim: GpioSim;
  let daemon: DaemonRun;
  const sampled = (line: 'paper' | 'glass') => Sampling.start(sim.valueFile(line));
  before(async () => {
    sim = GpioSim.create(CHIP, LINES);
    const moves = ['paper', 'green-glass', 'plastic', 'trash'];
    const stillThere = ['paper', 'green-glass'];
    const bouncing = ['paper', 'paper'];
    const guarded = ['green-glass', 'paper'];
    const unplugged = ['green-glass', 'paper'];
    const stopped = ['green-glass'];
    daemon = await DaemonRun.start(sim, [
      ...moves,
      ...stillThere,
      ...bouncing,
      ...guarded,
      ...unplugged,
      ...stopped,
    ]);
    await daemon.untilIdle();
  });
  after(async () => {
    await daemon.end();
    sim.remove();
  });

  it('drives only the output of the compartment it chose', async () => {
    const [paper, glass] = [await sampled('paper'), await sampled('glass')];
    for (const compartment of ['paper', 'glass', 'packaging', 'residual'] as const) {
      const event = await daemon.sortItem();
      assert.deepEqual(
        [event?.outcome, event?.decision?.compartment, event?.trigger.source],
        ['sorted', compartment, 'beam'],
      );
      const leastMs = compartment in ON_MS ? ON_MS[compartment as keyof typeof ON_MS] + SETTLE_MS : 0;
      assert.ok((event?.timingsMs.gateMove ?? -1) >= leastMs);
    }
    for (const [sampling, onMs] of [[paper, ON_MS.paper] as const, [glass, ON_MS.glass] as const]) {
      const seen = await sampling.stop();
      assert.deepEqual(values(seen), ['0', '1', '0']);
      const [onTimeMs = 0] = onTimesMs(seen);
      assert.ok(
        onTimeMs >= onMs - seen.longestGapMs && onTimeMs <= MAX_ON_MS + seen.longestGapMs,
        `${onTimeMs} ms`,
      );
    }
  });

  it('counts an item that is still at the sensor after a move as a second item', async () => {
    const glass = await sampled('glass');
    await daemon.placeItem();
    await untilOn(glass);
    sim.pull('sensor', 'down');
    await daemon.untilIdle();
    const events = (await daemon.events(2)).map(({ outcome, decision, trigger }) => [
      outcome,
      decision?.compartment,
      trigger.source,
    ]);
    assert.deepEqual(events, [
      ['sorted', 'paper', 'beam'],
      ['sorted', 'glass', 'still-there'],
    ]);
    await glass.stop();
  });

  it('counts a sensor that bounces at 1 kHz as one item', async (context) => {
    const paper = await sampled('paper');
    const edges = bounce(sim.valueFile('sensor'), 1_000, BOUNCE_MS);
    context.diagnostic(`${edges} edges in ${BOUNCE_MS} ms`);
    await untilOn(paper);
    sim.pull('sensor', 'down');
    await daemon.untilIdle();
    const events = (await daemon.events(1)).map(({ outcome, trigger }) => [outcome, trigger.source]);
    assert.deepEqual(events, [['sorted', 'beam']]);
    assert.equal((await daemon.sortItem())?.outcome, 'sorted');
    assert.deepEqual(values(await paper.stop()), ['0', '1', '0', '1', '0']);
  });

  it('turns the line off at once when the lid opens during a move', async (context) => {
    const glass = await sampled('glass');
    await daemon.passItem();
    await untilOn(glass);
    const openedNs = process.hrtime.bigint();
    sim.pull('lid', 'up');
    const [event] = await daemon.events(1);
    assert.deepEqual([event?.outcome, event?.fault?.code], ['failed', 'gate-guarded']);
    const seen = await glass.stop();
    assert.deepEqual(values(seen), ['0', '1', '0']);
    const offMs = Number((seen.readings[2]?.atNs ?? 0n) - openedNs) / 1e6;
    context.diagnostic(`off ${offMs.toFixed(1)} ms after the lid opened`);
    // The lease is renewed, so the guard turned it off before the time of the pulse ended.
    assert.ok(offMs > 0 && (onTimesMs(seen)[0] ?? 0) < ON_MS.glass - seen.longestGapMs);
    // The gate does not come home while the lid is open. It tries again until the lid is closed.
    sim.pull('lid', 'down');
    await daemon.untilIdle();
    assert.equal((await daemon.sortItem())?.outcome, 'sorted');
  });

  it('works again after its chip was unplugged during a move', async () => {
    const glass = await sampled('glass');
    await daemon.passItem();
    await untilOn(glass);
    sim.unplug();
    assert.match((await daemon.waitForLog(/^gate: gate-failed/)).msg, /"gate-glass".*unplugged/);
    await daemon.waitForLog(/^lines: line-gone/);
    assert.deepEqual(
      (await daemon.events(1)).map(({ outcome }) => outcome),
      ['failed'],
    );
    sim.plug();
    await daemon.waitForLog(/^lines: recovered/);
    await daemon.untilIdle();
    assert.equal(sim.value('glass'), 0);
    const paper = await sampled('paper');
    assert.equal((await daemon.sortItem())?.outcome, 'sorted');
    assert.deepEqual(values(await paper.stop()), ['0', '1', '0']);
  });

  it('turns the line off and records the item when it is stopped during a move', async () => {
    const glass = await sampled('glass');
    await daemon.passItem();
    await untilOn(glass);
    daemon.kill('SIGTERM');
    assert.equal(await daemon.ended(), 0);
    const seen = await glass.stop();
    assert.deepEqual(values(seen), ['0', '1', '0']);
    assert.ok((onTimesMs(seen)[0] ?? 0) < ON_MS.glass - seen.longestGapMs);
    assert.deepEqual(
      (await daemon.events(1)).map(({ outcome }) => outcome),
      ['interrupted'],
    );
    assert.equal(sim.info('glass').used, false);
  });
});

describe('the daemon while another process holds a line', { timeout: 20 * DEADLINE_MS }, () => {
  let sim: GpioSim;
  let daemon: DaemonRun | null = null;
  let holder: HeldLine | null = null;
  const releaseLine = () => {
    holder?.release();
    holder = null;
  };
  before(() => {
    sim = GpioSim.create(CHIP, LINES);
  });
  afterEach(releaseLine);
  after(async () => {
    await daemon?.end();
    sim.remove();
  });

  it('does not start without its sensor, and names the holder of the line', async () => {
    holder = HeldLine.input(sim.chip, sim.offset('sensor'), 'doorbell');
    const refused = await DaemonRun.start(sim, ['paper']);
    assert.equal(await refused.ended(), EXIT.unavailable);
    assert.match(refused.stderr, /^sortbin: "sensor".*another process holds the line.*"doorbell".*gpioinfo/);
    assert.doesNotMatch(refused.stderr, /\n\s+at /, 'no stack trace');
    await refused.end();
  });

  it('waits for its gate, names the holder of the line, and sorts when it is released', async () => {
    holder = HeldLine.output(sim.chip, sim.offset('glass'), 0, 'doorbell');
    daemon = await DaemonRun.start(sim, ['paper'], { sensorDebounceMs: 5 });
    assert.match((await daemon.waitForLog(/^gate: gate-failed/)).msg, /"gate-glass".*"doorbell"/);
    releaseLine();
    await daemon.waitForLog(/^gate: recovered/);
    await daemon.untilIdle();
  });

  it('counts a sensor that bounces at 1 kHz as one item, also if the kernel debounces it', async () => {
    assert.ok(daemon);
    const paper = await Sampling.start(sim.valueFile('paper'));
    bounce(sim.valueFile('sensor'), 1_000, BOUNCE_MS);
    await untilOn(paper);
    sim.pull('sensor', 'down');
    await daemon.untilIdle();
    const events = (await daemon.events(1)).map(({ outcome, trigger }) => [outcome, trigger.source]);
    assert.deepEqual(events, [['sorted', 'beam']]);
    assert.deepEqual(values(await paper.stop()), ['0', '1', '0']);
  });
});
