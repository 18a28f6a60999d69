import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { WatchedPart } from '../../device/cycle/progress.js';
import type { Clock } from '../../device/kit/clock.js';
import { SimulatedClock } from '../../device/kit/simulated-clock.js';
import { Liveness } from '../../device/status/liveness.js';

const LIMITS = { eventLoopMs: 4_000, partMs: { camera: 60_000, journal: 30_000, vision: 90_000 } };

const setUp = () => {
  const timers = new SimulatedClock();
  let blockedMs = 0;
  const clock: Clock = {
    monotonicMs: () => timers.monotonicMs() + blockedMs,
    wallMs: () => timers.wallMs() + blockedMs,
    synchronised: () => true,
    after: (delayMs, task) => timers.after(delayMs, task),
  };
  const liveness = new Liveness(LIMITS, clock);
  const fail = (part: WatchedPart) => liveness.begin(part)(false);
  const stalled = () => {
    const state = liveness.healthy();
    return state.ok ? [] : state.stalled.map(({ part }) => part);
  };
  /** Lets time pass without running a timer. */
  const block = (ms: number) => {
    blockedMs += ms;
  };
  return { clock, timers, liveness, fail, stalled, block, pass: (ms: number) => timers.advance(ms) };
};

describe('liveness of a part', () => {
  it('is healthy while the bin is idle, for however long', async () => {
    const { liveness, stalled, pass } = setUp();
    liveness.begin('vision')(true);
    liveness.begin('camera')(false);
    await pass(1e9);
    assert.deepEqual(stalled(), []);
    assert.deepEqual(liveness.healthy(), { ok: true });
  });

  it('is stalled while an attempt lasts longer than its limit', async () => {
    const { clock, liveness, stalled, pass } = setUp();
    const beganAtMs = clock.monotonicMs();
    const end = liveness.begin('journal');
    await pass(30_000);
    liveness.begin('journal')(true);
    assert.deepEqual(stalled(), []);
    await pass(1);
    assert.deepEqual(liveness.healthy(), {
      ok: false,
      stalled: [
        {
          part: 'journal',
          sinceMs: beganAtMs,
          reason: 'an attempt has not ended for 30001 ms, limit 30000 ms',
        },
      ],
    });
    end(true);
    assert.deepEqual(stalled(), []);
  });

  it('judges the oldest of several attempts', async () => {
    const { liveness, stalled, pass } = setUp();
    const first = liveness.begin('vision');
    await pass(50_000);
    const second = liveness.begin('vision');
    await pass(41_000);
    assert.deepEqual(stalled(), ['vision']);
    first(true);
    assert.deepEqual(stalled(), []);
    await pass(50_000);
    assert.deepEqual(stalled(), ['vision']);
    second(false);
    assert.deepEqual(stalled(), []);
  });

  it('is stalled after three failures in a row if the first is older than the limit, until the next success', async () => {
    const { clock, liveness, fail, stalled, pass } = setUp();
    const firstMs = clock.monotonicMs();
    for (let failure = 1; failure <= 2; failure++) fail('camera');
    await pass(60_001);
    assert.deepEqual(stalled(), []);
    fail('camera');
    assert.deepEqual(liveness.healthy(), {
      ok: false,
      stalled: [
        {
          part: 'camera',
          sinceMs: firstMs,
          reason: 'no success for 60001 ms, limit 60000 ms, 3 failures in a row',
        },
      ],
    });
    await pass(1e6);
    assert.deepEqual(stalled(), ['camera']);
    liveness.begin('camera')(true);
    assert.deepEqual(stalled(), []);
    for (let failure = 1; failure <= 5; failure++) fail('camera');
    await pass(60_000);
    assert.deepEqual(stalled(), []);
    await pass(1);
    assert.deepEqual(stalled(), ['camera']);
  });

  it('is not stalled if a success comes between the failures', async () => {
    const { liveness, fail, stalled, pass } = setUp();
    for (let round = 0; round < 5; round++) {
      fail('journal');
      fail('journal');
      liveness.begin('journal')(true);
      await pass(60_000);
    }
    assert.deepEqual(stalled(), []);
  });

  it('counts the end of an attempt once', async () => {
    const { liveness, stalled, pass } = setUp();
    const end = liveness.begin('camera');
    for (let call = 0; call < 5; call++) end(false);
    await pass(1e6);
    assert.deepEqual(stalled(), []);
    liveness.begin('camera')(false);
    liveness.begin('camera')(false);
    assert.deepEqual(stalled(), ['camera']);
    end(true);
    assert.deepEqual(stalled(), ['camera']);
  });

  it('lists every stalled part', async () => {
    const { liveness, stalled, pass } = setUp();
    liveness.begin('vision');
    liveness.begin('camera');
    await pass(90_001);
    assert.deepEqual(stalled(), ['camera', 'vision']);
  });
});

describe('liveness of the event loop', () => {
  it('is healthy while the heartbeat runs', async () => {
    const { liveness, stalled, pass } = setUp();
    void liveness.start();
    for (let step = 0; step < 50; step++) {
      await pass(777);
      assert.deepEqual(stalled(), []);
    }
    void liveness.stop();
  });

  it('is stalled after a block, whether it is asked before or after the late heartbeat, until the next one', async () => {
    const { clock, timers, liveness, stalled, block, pass } = setUp();
    const startedAtMs = clock.monotonicMs();
    void liveness.start();
    const answers: string[][] = [];
    // The first heartbeat is due at 1 000 ms. One timer runs before it, one after it.
    for (const delayMs of [999, 1_000]) timers.after(delayMs, () => answers.push(stalled()));
    await pass(500);
    block(10_000);
    await pass(500);
    assert.deepEqual(answers, [['event-loop'], ['event-loop']]);
    assert.deepEqual(liveness.healthy(), {
      ok: false,
      stalled: [
        {
          part: 'event-loop',
          sinceMs: startedAtMs,
          reason: 'no heartbeat in time for 11000 ms, limit 4000 ms',
        },
      ],
    });
    await pass(1_000);
    assert.deepEqual(stalled(), []);
    void liveness.stop();
  });

  it('stays stalled if one block follows another', async () => {
    const { liveness, stalled, block, pass } = setUp();
    void liveness.start();
    for (let time = 0; time < 5; time++) {
      block(5_000);
      await pass(1_000);
      assert.deepEqual(stalled(), ['event-loop']);
    }
    void liveness.stop();
  });

  it('accepts a block within the limit', async () => {
    const { liveness, stalled, block, pass } = setUp();
    void liveness.start();
    block(2_900);
    await pass(1_000);
    assert.deepEqual(stalled(), []);
    void liveness.stop();
  });

  it('is judged only between start and close, and leaves no timer', async () => {
    const { timers, liveness, stalled, block, pass } = setUp();
    block(60_000);
    assert.deepEqual(stalled(), []);
    void liveness.start();
    await pass(10_000);
    assert.equal(timers.waiting, 1);
    void liveness.stop();
    block(60_000);
    assert.deepEqual([stalled(), timers.waiting], [[], 0]);
  });
});
