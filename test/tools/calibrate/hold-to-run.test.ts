import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { HeldDrive, HOLD_MS, START_MS } from '../../../device/tools/calibrate/hold-to-run.js';

/** A clock whose timers are off the mark by so long, as those of the system are by a little. */
class RoughClock extends SimulatedClock {
  constructor(private readonly lateMs: number) {
    super();
  }

  override after(delayMs: number, task: () => void): () => void {
    return super.after(delayMs + this.lateMs, task);
  }
}

/** Something that is on until it is told otherwise, or until `fall`. */
const setUp = (lateMs = 0) => {
  const clock = new RoughClock(lateMs);
  let on = 0;
  let starts = 0;
  let fall = () => {};
  const drive = new HeldDrive({
    clock,
    start: async (signal) => {
      on += 1;
      starts += 1;
      await new Promise<void>((resolve) => {
        fall = resolve;
        if (signal.aborted) resolve();
        signal.addEventListener('abort', () => resolve());
      });
      on -= 1;
    },
    onOff: () => {},
  });
  return {
    clock,
    isOn: () => on === 1,
    starts: () => starts,
    fall: async () => {
      fall();
      await clock.advance(0);
    },
    press: async (afterMs: number, anew = false) => {
      await clock.advance(afterMs);
      drive.press(anew);
      await clock.advance(0);
    },
    drive,
  };
};

describe('hold to move', () => {
  it('does nothing for one key, and moves once that repeats', async () => {
    const { press, clock, isOn, starts } = setUp();
    await press(0);
    await clock.advance(START_MS - 1);
    assert.equal(isOn(), false);
    await press(0);
    assert.equal(isOn(), true);
    await clock.advance(HOLD_MS);
    assert.deepEqual([isOn(), starts(), clock.waiting], [false, 1, 0]);
  });

  it('takes keys that are far apart for one key each', async () => {
    const { press, starts } = setUp();
    for (let n = 0; n < 5; n++) await press(START_MS);
    assert.equal(starts(), 0);
  });

  it('stays on, as one move, while keys come, and is off in time after the last', async () => {
    const { press, clock, isOn, starts } = setUp();
    await press(0);
    for (let n = 0; n < 20; n++) await press(HOLD_MS - 1);
    assert.deepEqual([isOn(), starts()], [true, 1]);
    await clock.advance(HOLD_MS - 1);
    assert.equal(isOn(), true);
    await clock.advance(1);
    assert.equal(isOn(), false);
  });

  it('is off in time by a timer that is early, as those of the system may be', async () => {
    const { press, clock, isOn } = setUp(-1);
    await press(0);
    await press(100);
    await clock.advance(HOLD_MS);
    assert.equal(isOn(), false);
  });

  it('goes off by a key that comes too late, where the timer is later', async () => {
    const { press, clock, isOn, starts } = setUp(200);
    await press(0);
    await press(100);
    await clock.advance(HOLD_MS + 100);
    assert.equal(isOn(), true);
    await press(0);
    assert.equal(isOn(), false);
    await press(50);
    assert.deepEqual([isOn(), starts()], [true, 2]);
  });

  it('moves anew to another place without letting go', async () => {
    const { press, isOn, starts } = setUp();
    await press(0);
    await press(50);
    await press(50, true);
    await press(50, true);
    assert.deepEqual([isOn(), starts()], [true, 3]);
  });

  it('stays off where it went off by itself, until the key was let go', async () => {
    const { press, fall, clock, isOn, starts } = setUp();
    await press(0);
    await press(50);
    await fall();
    for (let n = 0; n < 100; n++) await press(50);
    assert.deepEqual([isOn(), starts()], [false, 1]);
    await clock.advance(HOLD_MS);
    await press(0);
    await press(50);
    assert.deepEqual([isOn(), starts()], [true, 2]);
  });

  it('lets go at once, and says when it is off', async () => {
    const { press, drive, isOn, clock } = setUp();
    await press(0);
    await press(50);
    await drive.letGo();
    assert.deepEqual([isOn(), drive.moving, clock.waiting], [false, false, 0]);
  });
});
