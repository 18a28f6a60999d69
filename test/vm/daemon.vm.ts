import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { EXIT } from '../../device/tools/cli/failure.js';
import { until } from '../support/until.js';
import { bounce } from './guest/bounce.js';
import { CHIP, DaemonRun, LINES, MAX_ON_MS, ON_MS, SETTLE_MS } from './guest/daemon.js';
import { HeldLine } from './guest/gpio-cdev.js';
import { GpioSim } from './guest/gpio-sim.js';
import { type Sampled, Sampling } from './guest/sample.js';

const BOUND_MS = 60_000;
const BOUNCE_MS = 300;

const values = ({ readings }: Pick<Sampled, 'readings'>) => readings.map(({ value }) => value);
const isOn = (sampling: Sampling) =>
  until('the gate is on', () => sampling.readings.at(-1)?.value === '1', BOUND_MS);
const stays = ({ readings }: Sampled) =>
  readings.flatMap(({ value, atNs }, index) =>
    value === '1' ? [Number((readings[index + 1]?.atNs ?? 0n) - atNs) / 1e6] : [],
  );

// One daemon does all of this: in emulation each start of it costs many seconds.
describe('the daemon at work', { timeout: 20 * BOUND_MS }, () => {
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
    await daemon.idle();
  });
  after(async () => {
    await daemon.end();
    sim.remove();
  });

  it('moves the gate of the compartment that it decided on, and no other', async () => {
    const [paper, glass] = [await sampled('paper'), await sampled('glass')];
    for (const compartment of ['paper', 'glass', 'packaging', 'residual'] as const) {
      const event = await daemon.sorts();
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
      const [stayMs = 0] = stays(seen);
      assert.ok(
        stayMs >= onMs - seen.longestGapMs && stayMs <= MAX_ON_MS + seen.longestGapMs,
        `${stayMs} ms`,
      );
    }
  });

  it('takes what is still there when the gate is home for another item', async () => {
    const glass = await sampled('glass');
    await daemon.comes();
    await isOn(glass);
    sim.pull('sensor', 'down');
    await daemon.idle();
    const told = (await daemon.events(2)).map(({ outcome, decision, trigger }) => [
      outcome,
      decision?.compartment,
      trigger.source,
    ]);
    assert.deepEqual(told, [
      ['sorted', 'paper', 'beam'],
      ['sorted', 'glass', 'still-there'],
    ]);
    await glass.stop();
  });

  it('takes a sensor that bounces at 1 kHz for one item', async (context) => {
    const paper = await sampled('paper');
    const edges = bounce(sim.valueFile('sensor'), 1_000, BOUNCE_MS);
    context.diagnostic(`${edges} edges in ${BOUNCE_MS} ms`);
    await isOn(paper);
    sim.pull('sensor', 'down');
    await daemon.idle();
    const told = (await daemon.events(1)).map(({ outcome, trigger }) => [outcome, trigger.source]);
    assert.deepEqual(told, [['sorted', 'beam']]);
    assert.equal((await daemon.sorts())?.outcome, 'sorted');
    assert.deepEqual(values(await paper.stop()), ['0', '1', '0', '1', '0']);
  });

  it('has the line low at once when the finger guard opens in a move', async (context) => {
    const glass = await sampled('glass');
    await daemon.passes();
    await isOn(glass);
    const openedNs = process.hrtime.bigint();
    sim.pull('lid', 'up');
    const [event] = await daemon.events(1);
    assert.deepEqual([event?.outcome, event?.fault?.code], ['failed', 'gate-guarded']);
    const seen = await glass.stop();
    assert.deepEqual(values(seen), ['0', '1', '0']);
    const offMs = Number((seen.readings[2]?.atNs ?? 0n) - openedNs) / 1e6;
    context.diagnostic(`low ${offMs.toFixed(1)} ms after it opened`);
    // And not by the lease, which is renewed, or the time of the pulse.
    assert.ok(offMs > 0 && (stays(seen)[0] ?? 0) < ON_MS.glass - seen.longestGapMs);
    // Not at home while a hand may hold it: that is tried until the lid is shut.
    sim.pull('lid', 'down');
    await daemon.idle();
    assert.equal((await daemon.sorts())?.outcome, 'sorted');
  });

  it('goes on after its chip was unplugged in a move', async () => {
    const glass = await sampled('glass');
    await daemon.passes();
    await isOn(glass);
    sim.unplug();
    assert.match((await daemon.said(/^gate: gate-failed/)).msg, /"gate-glass".*unplugged/);
    await daemon.said(/^lines: line-gone/);
    assert.deepEqual(
      (await daemon.events(1)).map(({ outcome }) => outcome),
      ['failed'],
    );
    sim.plug();
    await daemon.said(/^lines: well again/);
    await daemon.idle();
    assert.equal(sim.value('glass'), 0);
    const paper = await sampled('paper');
    assert.equal((await daemon.sorts())?.outcome, 'sorted');
    assert.deepEqual(values(await paper.stop()), ['0', '1', '0']);
  });

  it('is stopped in a move: the line is low, and the item on record', async () => {
    const glass = await sampled('glass');
    await daemon.passes();
    await isOn(glass);
    daemon.kill('SIGTERM');
    assert.equal(await daemon.ended(), 0);
    const seen = await glass.stop();
    assert.deepEqual(values(seen), ['0', '1', '0']);
    assert.ok((stays(seen)[0] ?? 0) < ON_MS.glass - seen.longestGapMs);
    assert.deepEqual(
      (await daemon.events(1)).map(({ outcome }) => outcome),
      ['interrupted'],
    );
    assert.equal(sim.info('glass').used, false);
  });
});

describe('the daemon where a stranger holds a line', { timeout: 20 * BOUND_MS }, () => {
  let sim: GpioSim;
  let daemon: DaemonRun | null = null;
  let stranger: HeldLine | null = null;
  const letGo = () => {
    stranger?.release();
    stranger = null;
  };
  before(() => {
    sim = GpioSim.create(CHIP, LINES);
  });
  afterEach(letGo);
  after(async () => {
    await daemon?.end();
    sim.remove();
  });

  it('does not start without its sensor, and says who has it', async () => {
    stranger = HeldLine.input(sim.chip, sim.offset('sensor'), 'doorbell');
    const refused = await DaemonRun.start(sim, ['paper']);
    assert.equal(await refused.ended(), EXIT.unavailable);
    assert.match(refused.stderr, /^sortbin: "sensor".*held by somebody else.*"doorbell".*gpioinfo/);
    assert.doesNotMatch(refused.stderr, /\n\s+at /, 'no stack trace');
    await refused.end();
  });

  it('waits for its gate, says who has it, and sorts once it is free', async () => {
    stranger = HeldLine.output(sim.chip, sim.offset('glass'), 0, 'doorbell');
    daemon = await DaemonRun.start(sim, ['paper'], { sensorDebounceMs: 5 });
    assert.match((await daemon.said(/^gate: gate-failed/)).msg, /"gate-glass".*"doorbell"/);
    letGo();
    await daemon.said(/^gate: well again/);
    await daemon.idle();
  });

  it('takes a sensor that bounces at 1 kHz for one item where the kernel debounces it, too', async () => {
    assert.ok(daemon);
    const paper = await Sampling.start(sim.valueFile('paper'));
    bounce(sim.valueFile('sensor'), 1_000, BOUNCE_MS);
    await isOn(paper);
    sim.pull('sensor', 'down');
    await daemon.idle();
    const told = (await daemon.events(1)).map(({ outcome, trigger }) => [outcome, trigger.source]);
    assert.deepEqual(told, [['sorted', 'beam']]);
    assert.deepEqual(values(await paper.stop()), ['0', '1', '0']);
  });
});
