import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type BinEvent, eventSchema } from '../../device/cycle/event.js';
import { SimulatedGate } from '../../device/hardware/gate/simulated-gate.js';
import type { LineFault } from '../../device/hardware/lines/lines.js';
import type { Light } from '../../device/hardware/panel/panel.js';
import { SimulatedJournal } from '../../device/journal/simulated-journal.js';
import { type Answer, done, failed } from '../../device/kit/errors.js';
import { SimulatedClock } from '../../device/kit/simulated-clock.js';
import { SimulatedVision } from '../../device/perception/vision/simulated-vision.js';
import { type BinParts, makeBin } from '../support/bin.js';

const started = async (
  parts: Omit<BinParts, 'clock'> = {},
  onEvent: (event: BinEvent) => void = () => {},
) => {
  const clock = new SimulatedClock();
  const bin = makeBin({ read: async () => new Uint8Array(4), ...parts, clock });
  bin.watch({ event: onEvent });
  await bin.parts.vision.start(new AbortController().signal);
  await bin.runner.start();
  await clock.advance(10);
  return { clock, ...bin };
};

const throughOne = async ({ clock, journalled }: Awaited<ReturnType<typeof started>>, count: number) => {
  for (let round = 0; journalled.length < count && round < 300; round++) await clock.advance(100);
  assert.equal(journalled.length, count);
};

const outcomes = ({ journalled }: Awaited<ReturnType<typeof started>>) =>
  journalled.map(({ event }) => [event.outcome, event.fault?.code ?? event.decision?.reason ?? event.count]);

describe('the light for the camera', () => {
  const lit = async (answer: Answer<void, LineFault>) => {
    const calls: string[] = [];
    const light: Light = {
      on: async (signal) => {
        calls.push('on');
        signal.addEventListener('abort', () => calls.push('off'), { once: true });
        return answer;
      },
    };
    const bin = await started({ light });
    bin.trigger.fire();
    await throughOne(bin, 1);
    return { calls, bin };
  };

  it('is on while the frame is taken, and off afterwards', async () => {
    const { calls, bin } = await lit(done(undefined));
    assert.deepEqual(calls, ['on', 'off']);
    assert.equal(bin.journalled[0]?.event.outcome, 'sorted');
  });

  it('does not stop the capture if it fails', async () => {
    const { calls, bin } = await lit(failed('lines-down', 'no lines'));
    assert.deepEqual(calls, ['on', 'off']);
    assert.equal(bin.journalled[0]?.event.outcome, 'sorted');
  });
});

describe('a full compartment', () => {
  it('is replaced by the fallback, with the reason', async () => {
    const full = { compartment: 'paper', percent: 96, full: true, fault: null };
    const bin = await started({ fill: { levels: () => [full] } });
    bin.trigger.fire();
    await throughOne(bin, 1);
    const { compartment, reason, label } = bin.journalled[0]?.event.decision ?? {};
    assert.deepEqual([compartment, reason, label], ['residual', 'compartment-full', 'paper']);
  });
});

describe('the runner', () => {
  it('creates an event in the specified format, and keeps the frame', async () => {
    const bin = await started();
    bin.trigger.fire('beam');
    await throughOne(bin, 1);
    const event = eventSchema.parse(bin.journalled[0]?.event);
    assert.equal(event.outcome, 'sorted');
    assert.equal(event.trigger.source, 'beam');
    assert.deepEqual(event.decision, {
      compartment: 'paper',
      label: 'paper',
      confidence: 0.98,
      reason: 'confident',
    });
    for (const step of ['capture', 'decode', 'invoke', 'decide', 'gateCommand', 'gateMove', 'total'])
      assert.ok((event.timingsMs[step] ?? -1) >= 0, step);
    await bin.runner.stop();
    assert.equal((await bin.parts.journal.counters()).frames, 1);
  });

  it('creates a failed event with a reason for each fault of a part, and continues', async () => {
    const pictures = [
      { fault: 'camera-no-frame' },
      { stale: true },
      { hang: true },
      { picture: 'paper/paper18.jpg' },
    ] as const;
    const bin = await started({ pictures, limits: { stillThereLimit: 0 } });
    for (let item = 1; item <= 4; item++) {
      bin.trigger.fire();
      await throughOne(bin, item);
      await bin.clock.advance(10);
    }
    assert.deepEqual(outcomes(bin), [
      ['failed', 'camera-no-frame'],
      ['failed', 'camera-stale'],
      ['failed', 'camera-timeout'],
      ['sorted', 'confident'],
    ]);
    assert.deepEqual(
      bin.health.filter((line) => line.startsWith('camera')),
      ['camera:camera-no-frame', 'camera:camera-stale', 'camera:camera-timeout', 'camera:ok'],
    );
    await bin.runner.stop();
  });

  it('reports an image that cannot be classified as a fault of the camera', async () => {
    const vision = new SimulatedVision({
      script: [{ fault: 'picture-dark' }, { fault: 'picture-overexposed' }],
      labels: ['paper', 'trash'],
      clock: new SimulatedClock(),
    });
    const bin = await started({ vision, limits: { stillThereLimit: 0 } });
    for (const item of [1, 2]) {
      bin.trigger.fire();
      await throughOne(bin, item);
      await bin.clock.advance(10);
    }
    assert.deepEqual(
      bin.journalled.map(({ event }) => [event.fault?.code, event.decision?.reason]),
      [
        ['picture-dark', 'camera-down'],
        ['picture-overexposed', 'camera-down'],
      ],
    );
    await bin.runner.stop();
  });

  it('retries a failed item while the sensor detects it', async () => {
    const bin = await started({ pictures: [{ fault: 'camera-no-frame' }, { picture: 'paper/paper18.jpg' }] });
    bin.trigger.fire('beam', 1);
    await throughOne(bin, 2);
    assert.deepEqual(
      bin.journalled.map(({ event }) => [event.trigger.source, event.outcome]),
      [
        ['beam', 'failed'],
        ['still-there', 'sorted'],
      ],
    );
    await bin.runner.stop();
  });

  it('counts a burst, and turns off a gate that hangs', async () => {
    const moves = [{ hang: true }, { moveMs: 5 }] as const;
    const bin = await started({ moves });
    bin.trigger.fire();
    for (let extra = 0; extra < 3; extra++) bin.trigger.fire();
    await throughOne(bin, 2);
    assert.deepEqual(outcomes(bin), [
      ['failed', 'gate-timeout'],
      ['ignored', 3],
    ]);
    await bin.clock.advance(10);
    bin.trigger.fire();
    await throughOne(bin, 3);
    assert.equal(bin.journalled[2]?.event.outcome, 'sorted');
    await bin.runner.stop();
  });

  it('does not move the gate for an item that the journal refused', async () => {
    const journal = new SimulatedJournal({ script: ['fail'] });
    const bin = await started({ journal });
    bin.trigger.fire();
    await throughOne(bin, 1);
    const { event } = bin.journalled[0] ?? {};
    assert.deepEqual([event?.outcome, event?.decision?.reason], ['failed', 'journal-down']);
    assert.equal(event?.timingsMs.gateMove, undefined);
    await bin.runner.stop();
  });

  it('finishes an item of an earlier run as interrupted', async () => {
    const earlier = new SimulatedJournal();
    const first = await started({ journal: earlier, moves: [{ hang: true }] });
    first.trigger.fire('beam');
    await first.clock.advance(20);
    const announced: string[] = [];
    const bin = await started({ journal: new SimulatedJournal({ earlier }) }, ({ outcome }) =>
      announced.push(outcome),
    );
    assert.deepEqual(announced, ['interrupted'], 'the publisher must send it');
    const [event] = bin.parts.journal instanceof SimulatedJournal ? bin.parts.journal.events() : [];
    const interrupted = eventSchema.parse(event);
    assert.deepEqual(
      [interrupted.outcome, interrupted.trigger.source, interrupted.seq],
      ['interrupted', 'beam', 1],
    );
    await bin.runner.stop();
  });

  it('keeps the count of a burst on disk while it grows', async () => {
    const earlier = new SimulatedJournal();
    const first = await started({ journal: earlier, moves: [{ hang: true }] });
    for (let fired = 0; fired < 8; fired++) first.trigger.fire('beam');
    await first.clock.advance(20);
    const journal = new SimulatedJournal({ earlier });
    const bin = await started({ journal });
    assert.deepEqual(
      journal.events().map((event) => {
        const { outcome, count, fault } = eventSchema.parse(event);
        return [outcome, count, fault?.code];
      }),
      [
        ['interrupted', undefined, 'interrupted'],
        ['ignored', 7, undefined],
      ],
    );
    await bin.runner.stop();
  });

  it('says what became of a trigger once its row is on disk', async () => {
    const bin = await started({ moves: [{ hang: true }] });
    const fire = () => bin.trigger.fire().id;
    const ids = [fire(), fire(), fire()];
    const admissions = Promise.all(ids.map((id) => bin.runner.admissionOf(id)));
    await bin.clock.advance(1);
    assert.deepEqual(await admissions, [done('taken'), done('busy'), done('busy')]);
    await bin.runner.stop();
    assert.equal((await bin.runner.admissionOf(fire())).ok, false, 'a stopped bin takes no item');
  });

  it('does not say that it took a trigger whose row is not on disk', async () => {
    const bin = await started({ journal: new SimulatedJournal({ script: ['fail'] }) });
    const admission = bin.runner.admissionOf(bin.trigger.fire().id);
    await bin.clock.advance(1);
    const answer = await admission;
    assert.deepEqual([answer.ok, !answer.ok && answer.fault.code], [false, 'journal-failed']);
    await bin.runner.stop();
  });

  it('tries to finish a row until the journal works again', async () => {
    const bin = await started({ journal: new SimulatedJournal({ script: ['ok', 'fail', 'fail', 'fail'] }) });
    bin.trigger.fire();
    await bin.clock.advance(30);
    assert.equal(bin.journalled.length, 0);
    await bin.clock.advance(1_000);
    assert.deepEqual(outcomes(bin), [['sorted', 'confident']]);
    assert.deepEqual(bin.health.filter((line) => line.startsWith('journal')).slice(-2), [
      'journal:journal-failed',
      'journal:ok',
    ]);
    await bin.runner.stop();
  });

  it('tries once more to finish a row when it stops', async () => {
    const journal = new SimulatedJournal({ script: ['ok', 'fail'] });
    const bin = await started({ journal });
    bin.trigger.fire();
    await bin.clock.advance(30);
    assert.equal(bin.journalled.length, 0);
    await bin.runner.stop();
    assert.deepEqual(outcomes(bin), [['sorted', 'confident']]);
    assert.equal(bin.clock.waiting, 0);
  });

  it('makes the gate safe and ends with an internal error, which it reports once', async () => {
    class BrokenClock extends SimulatedClock {
      isBroken = false;
      override wallMs(): number {
        return this.isBroken ? Number.NaN : super.wallMs();
      }
    }
    const clock = new BrokenClock();
    const gate = new SimulatedGate({ script: [], moveMs: 5, clock });
    const bin = makeBin({ clock, gate, read: async () => new Uint8Array(4) });
    await bin.parts.vision.start(new AbortController().signal);
    await bin.runner.start();
    await clock.advance(10);
    clock.isBroken = true;
    bin.trigger.fire();
    await clock.advance(60_000);
    assert.equal(bin.runner.phase, 'stopped');
    assert.deepEqual(
      bin.fatal.map((error) => error instanceof RangeError),
      [true],
    );
    const move = await gate.move('paper', new AbortController().signal);
    assert.equal(move.ok, false, 'a safe gate does not move');
    clock.isBroken = false;
    bin.trigger.fire();
    await clock.advance(1_000);
    assert.equal(bin.journalled.length, 0, 'the cycle has ended');
    await bin.runner.stop();
    assert.equal(clock.waiting, 0);
  });

  it('leaves no timer running if it is stopped during an item', async () => {
    const labels = ['paper'];
    const clock = new SimulatedClock();
    const bin = makeBin({ clock, vision: new SimulatedVision({ script: [{ hang: true }], labels, clock }) });
    await bin.parts.vision.start(new AbortController().signal);
    await bin.runner.start();
    bin.trigger.fire();
    await clock.advance(100);
    await bin.runner.stop();
    assert.equal(bin.journalled[0]?.event.outcome, 'interrupted');
    assert.equal(clock.waiting, 0);
  });
});
