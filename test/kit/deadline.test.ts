import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DeadlineExceeded, orAborted, sleep, untilAborted, withDeadline } from '../../device/kit/deadline.js';
import { SimulatedClock } from '../../device/kit/simulated-clock.js';

describe('a deadline', () => {
  it('returns the result of the work, and leaves no timer running', async () => {
    const clock = new SimulatedClock();
    assert.equal(await withDeadline(clock, 100, async () => 'done'), 'done');
    assert.equal(clock.waiting, 0);
  });

  it('settles for work that ignores its signal, and aborts work that respects it', async () => {
    const clock = new SimulatedClock();
    const deaf = withDeadline(clock, 100, () => new Promise(() => {}));
    const heeding = withDeadline(clock, 100, untilAborted);
    const both = Promise.allSettled([deaf, heeding]);
    await clock.advance(100);
    for (const result of await both)
      assert.ok(result.status === 'rejected' && result.reason instanceof DeadlineExceeded);
    assert.equal(clock.waiting, 0);
  });

  it('ends with the outer signal, before and during the work', async () => {
    const clock = new SimulatedClock();
    const outer = new AbortController();
    const work = withDeadline(clock, 100, untilAborted, outer.signal);
    outer.abort(new Error('stopped'));
    await assert.rejects(work, /stopped/);
    await assert.rejects(withDeadline(clock, 100, untilAborted, outer.signal), /stopped/);
    assert.equal(clock.waiting, 0);
  });
});

describe('a sleep', () => {
  it('ends at its time, or with its signal and no timer left', async () => {
    const clock = new SimulatedClock();
    let woke = false;
    const slept = sleep(clock, 50).then(() => {
      woke = true;
    });
    await clock.advance(49);
    assert.equal(woke, false);
    await clock.advance(1);
    await slept;
    const abort = new AbortController();
    const cut = sleep(clock, 50, abort.signal);
    abort.abort(new Error('enough'));
    await assert.rejects(cut, /enough/);
    assert.equal(clock.waiting, 0);
  });
});

describe('a promise without a signal', () => {
  it('is abandoned if the signal is aborted, before or after, and leaves no listener on it', async () => {
    const outer = new AbortController();
    let listeners = 0;
    const { signal } = outer;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = ((...given: Parameters<typeof add>) => {
      listeners++;
      add(...given);
    }) as typeof add;
    signal.removeEventListener = ((...given: Parameters<typeof remove>) => {
      listeners--;
      remove(...given);
    }) as typeof remove;
    assert.equal(await orAborted(Promise.resolve(5), signal), 5);
    await assert.rejects(orAborted(Promise.reject(new Error('broken')), signal), /broken/);
    assert.equal(listeners, 0);
    const never = orAborted(new Promise(() => {}), signal);
    outer.abort(new Error('stopped'));
    await assert.rejects(never, /stopped/);
    await assert.rejects(orAborted(new Promise(() => {}), signal), /stopped/);
  });
});
