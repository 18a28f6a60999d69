import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FillLevel } from '../../../device/hardware/fill/fill.js';
import { type FillSensor, UltrasonicFill } from '../../../device/hardware/fill/ultrasonic-fill.js';
import { sleep } from '../../../device/kit/deadline.js';
import { type Answer, done, failed } from '../../../device/kit/errors.js';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { fillContract } from '../../contract/fill-contract.js';

const EVERY_MS = 10_000;
const ROUND_MS = EVERY_MS + 1_000;

/** A sensor that takes 30 ms per reading and returns the readings of the test in turn. null: the reading fails. */
class FakeSensor implements FillSensor {
  readingsMm: (number | null)[] = [null];
  readonly startedAtMs: number[] = [];
  #next = 0;

  constructor(private readonly clock: SimulatedClock) {}

  async measure(signal: AbortSignal): Promise<Answer<number>> {
    this.startedAtMs.push(this.clock.monotonicMs());
    await sleep(this.clock, 30, signal);
    const mm = this.readingsMm[this.#next++ % this.readingsMm.length] ?? null;
    return mm === null ? failed('ultrasonic-silent', 'no echo') : done(mm);
  }
}

const RULES = { emptyMm: 600, fullMm: 100, fullPercent: 90, clearPercent: 70, smoothing: 1 };

const filling = (clock: SimulatedClock, sensor: FillSensor) =>
  new UltrasonicFill({ sensors: [{ compartment: 'paper', sensor, ...RULES }], everyMs: EVERY_MS, clock });

const setUp = (smoothing = 1) => {
  const clock = new SimulatedClock(0);
  const sensors = { paper: new FakeSensor(clock), glass: new FakeSensor(clock) };
  const rules = { ...RULES, smoothing };
  const fill = new UltrasonicFill({
    sensors: Object.entries(sensors).map(([compartment, sensor]) => ({ compartment, sensor, ...rules })),
    everyMs: EVERY_MS,
    clock,
  });
  const changes: FillLevel[] = [];
  fill.onChange((level) => changes.push(level));
  return { clock, ...sensors, fill, changes };
};

fillContract('ultrasonic', () => {
  const { clock, fill, ...sensors } = setUp();
  const set = async (compartment: 'paper' | 'glass', percent: number) => {
    sensors[compartment].readingsMm = [600 - 5 * percent];
    await clock.advance(2 * ROUND_MS);
  };
  return { fill, set };
});

describe('fill levels by ultrasonic sensors', () => {
  it('reads one sensor after the other, five times each, in every round', async () => {
    const { clock, paper, glass, fill } = setUp();
    fill.start();
    await clock.advance(EVERY_MS + 450);
    const round = [0, 30, 60, 90, 120];
    assert.deepEqual(paper.startedAtMs, [...round, ...round.map((ms) => EVERY_MS + 300 + ms)]);
    assert.deepEqual(glass.startedAtMs.slice(0, 5), [150, 180, 210, 240, 270]);
    await fill.close();
    assert.equal(clock.waiting, 0);
  });

  it('ignores two wrong readings of five, and follows a change step by step', async () => {
    const { clock, paper, glass, fill, changes } = setUp(0.5);
    glass.readingsMm = [600];
    paper.readingsMm = [350, 40, 350, 4_000, 350];
    fill.start();
    await clock.advance(ROUND_MS);
    assert.equal(fill.levels()[0]?.percent, 50);
    paper.readingsMm = [250];
    await clock.advance(3 * ROUND_MS);
    assert.deepEqual(
      changes.filter(({ compartment }) => compartment === 'paper').map(({ percent }) => percent),
      [50, 60, 65, 68],
    );
    await fill.close();
  });

  it('keeps the last level of a failed sensor with its fault, while the other sensors continue', async () => {
    const { clock, paper, glass, fill } = setUp();
    paper.readingsMm = [100];
    glass.readingsMm = [600];
    fill.start();
    await clock.advance(ROUND_MS);
    paper.readingsMm = [null, null, null, 600, 600];
    glass.readingsMm = [null, 350, 350, null, 350];
    await clock.advance(ROUND_MS);
    const [first, second] = fill.levels();
    assert.deepEqual([first?.percent, first?.full, first?.fault?.code], [100, true, 'ultrasonic-silent']);
    assert.deepEqual([second?.percent, second?.fault], [50, null]);
    paper.readingsMm = [600];
    await clock.advance(ROUND_MS);
    assert.deepEqual([fill.levels()[0]?.percent, fill.levels()[0]?.fault], [0, null]);
    await fill.close();
  });

  it('reports a fault again if another line has it', async () => {
    const clock = new SimulatedClock(0);
    let line = 'fill-paper-trig';
    const sensor: FillSensor = { measure: async () => failed('line-gone', `"${line}": unplugged`, line) };
    const fill = filling(clock, sensor);
    const details: (string | undefined)[] = [];
    fill.onChange(({ fault }) => details.push(fault?.detail));
    fill.start();
    await clock.advance(ROUND_MS);
    line = 'fill-paper-echo';
    await clock.advance(ROUND_MS);
    assert.deepEqual(details, ['fill-paper-trig', 'fill-paper-echo']);
    await fill.close();
  });

  it('reports an unexpected error of a sensor as its fault, and continues to measure', async () => {
    const clock = new SimulatedClock(0);
    let isBroken = true;
    const sensor: FillSensor = {
      measure: async () => {
        if (isBroken) throw new TypeError('not a sensor');
        return done(600);
      },
    };
    const fill = filling(clock, sensor);
    fill.start();
    await clock.advance(ROUND_MS);
    const { fault } = fill.levels()[0] ?? {};
    assert.equal(fault?.code, 'sensor-failed');
    assert.match(fault?.message ?? '', /^fill sensor: .*\(not a sensor\)/);
    isBroken = false;
    await clock.advance(ROUND_MS);
    assert.deepEqual([fill.levels()[0]?.percent, fill.levels()[0]?.fault], [0, null]);
    await fill.close();
    assert.equal(clock.waiting, 0);
  });

  it('discards a measurement that began before the compartment was emptied', async () => {
    const { clock, paper, fill } = setUp();
    paper.readingsMm = [100];
    fill.start();
    await clock.advance(70);
    fill.markEmptied('paper');
    await clock.advance(1_000);
    assert.deepEqual([fill.levels()[0]?.percent, fill.levels()[0]?.full], [0, false]);
    paper.readingsMm = [590];
    await clock.advance(ROUND_MS);
    assert.equal(fill.levels()[0]?.percent, 2);
    await fill.close();
  });

  it('refuses a compartment with invalid rules, and does nothing without sensors', async () => {
    const clock = new SimulatedClock();
    const sensor = new FakeSensor(clock);
    const rules = { emptyMm: 100, fullMm: 600, fullPercent: 90, clearPercent: 70, smoothing: 1 };
    const sensors = [{ compartment: 'paper', sensor, ...rules }];
    assert.throws(() => new UltrasonicFill({ sensors, everyMs: EVERY_MS, clock }), {
      code: 'fill-rules-invalid',
    });
    const none = new UltrasonicFill({ sensors: [], everyMs: EVERY_MS, clock });
    none.start();
    assert.deepEqual([clock.waiting, none.levels()], [0, []]);
    await none.close();
  });
});
