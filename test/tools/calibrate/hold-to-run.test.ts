import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import {
  FIRST_REPEAT_TIMEOUT_MS,
  HoldToRun,
  RELEASE_TIMEOUT_MS,
} from '../../../device/tools/calibrate/hold-to-run.js';

/** A clock whose timers fire late by `lateMs`, or early if it is negative. System timers are slightly inaccurate too. */
class RoughClock extends SimulatedClock {
  constructor(private readonly lateMs: number) {
    super();
  }

  override after(delayMs: number, task: () => void): () => void {
    return super.after(delayMs + this.lateMs, task);
  }
}

/** Sets up an output that is on until it is aborted or `turnOff` is called. */
const setUp = (lateMs = 0) => {
  const clock = new RoughClock(lateMs);
  let on = 0;
  let starts = 0;
  let resolveRun = () => {};
  const holdToRun = new HoldToRun({
    clock,
    run: async (signal) => {
      on += 1;
      starts += 1;
      await new Promise<void>((resolve) => {
        resolveRun = resolve;
        if (signal.aborted) resolve();
        signal.addEventListener('abort', () => resolve());
      });
      on -= 1;
    },
    onStopped: () => {},
  });
  return {
    clock,
    isOn: () => on === 1,
    starts: () => starts,
    turnOff: async () => {
      resolveRun();
      await clock.advance(0);
    },
    press: async (afterMs: number, isNewTarget = false) => {
      await clock.advance(afterMs);
      holdToRun.press(isNewTarget);
      await clock.advance(0);
    },
    holdToRun,
  };
};

describe('hold-to-run', () => {
  it('does nothing for a single key, and runs when the key repeats', async () => {
    const { press, clock, isOn, starts } = setUp();
    await press(0);
    await clock.advance(FIRST_REPEAT_TIMEOUT_MS - 1);
    assert.equal(isOn(), false);
    await press(0);
    assert.equal(isOn(), true);
    await clock.advance(RELEASE_TIMEOUT_MS);
    assert.deepEqual([isOn(), starts(), clock.waiting], [false, 1, 0]);
  });

  it('treats keys with a long gap as single keys', async () => {
    const { press, starts } = setUp();
    for (let n = 0; n < 5; n++) await press(FIRST_REPEAT_TIMEOUT_MS);
    assert.equal(starts(), 0);
  });

  it('runs once while keys come, and is off within the timeout after the last key', async () => {
    const { press, clock, isOn, starts } = setUp();
    await press(0);
    for (let n = 0; n < 20; n++) await press(RELEASE_TIMEOUT_MS - 1);
    assert.deepEqual([isOn(), starts()], [true, 1]);
    await clock.advance(RELEASE_TIMEOUT_MS - 1);
    assert.equal(isOn(), true);
    await clock.advance(1);
    assert.equal(isOn(), false);
  });

  it('is off in time if the timer is early', async () => {
    const { press, clock, isOn } = setUp(-1);
    await press(0);
    await press(100);
    await clock.advance(RELEASE_TIMEOUT_MS);
    assert.equal(isOn(), false);
  });

  it('turns off by a key that comes after the timeout, if the timer is later still', async () => {
    const { press, clock, isOn, starts } = setUp(200);
    await press(0);
    await press(100);
    await clock.advance(RELEASE_TIMEOUT_MS + 100);
    assert.equal(isOn(), true);
    await press(0);
    assert.equal(isOn(), false);
    await press(50);
    assert.deepEqual([isOn(), starts()], [true, 2]);
  });

  it('restarts for a new target without a release of the key', async () => {
    const { press, isOn, starts } = setUp();
    await press(0);
    await press(50);
    await press(50, true);
    await press(50, true);
    assert.deepEqual([isOn(), starts()], [true, 3]);
  });

  it('stays off after a rule turned it off, until the key is released', async () => {
    const { press, turnOff, clock, isOn, starts } = setUp();
    await press(0);
    await press(50);
    await turnOff();
    for (let n = 0; n < 100; n++) await press(50);
    assert.deepEqual([isOn(), starts()], [false, 1]);
    await clock.advance(RELEASE_TIMEOUT_MS);
    await press(0);
    await press(50);
    assert.deepEqual([isOn(), starts()], [true, 2]);
  });

  it('turns off at once on release, and resolves when it is off', async () => {
    const { press, holdToRun, isOn, clock } = setUp();
    await press(0);
    await press(50);
    await holdToRun.release();
    assert.deepEqual([isOn(), holdToRun.isRunning, clock.waiting], [false, false, 0]);
  });
});
