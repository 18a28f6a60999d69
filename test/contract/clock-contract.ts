import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Clock } from '../../device/kit/clock.js';

/** `pass` advances the clock by at least the given number of milliseconds. */
export const clockContract = (
  name: string,
  make: () => { clock: Clock; pass: (ms: number) => Promise<void> },
) =>
  describe(`clock: ${name}`, () => {
    it('advances monotonic time by at least the elapsed time', async () => {
      const { clock, pass } = make();
      const before = clock.monotonicMs();
      await pass(5);
      assert.ok(clock.monotonicMs() - before >= 5);
    });

    it('runs a task once, not before its delay', async () => {
      const { clock, pass } = make();
      const start = clock.monotonicMs();
      const ran: number[] = [];
      clock.after(10, () => ran.push(clock.monotonicMs() - start));
      assert.deepEqual(ran, []);
      await pass(20);
      await pass(20);
      assert.equal(ran.length, 1);
      // setTimeout rounds to whole milliseconds, sometimes down.
      assert.ok((ran[0] ?? 0) >= 9, `ran after ${ran[0]} ms`);
    });

    it('runs tasks in the order of their delays', async () => {
      const { clock, pass } = make();
      const ran: string[] = [];
      clock.after(12, () => ran.push('second'));
      clock.after(3, () => ran.push('first'));
      await pass(30);
      assert.deepEqual(ran, ['first', 'second']);
    });

    it('does not run a cancelled task', async () => {
      const { clock, pass } = make();
      let ran = false;
      const cancel = clock.after(5, () => {
        ran = true;
      });
      cancel();
      await pass(15);
      assert.equal(ran, false);
    });

    it('does not run a task with a very long delay at once', async () => {
      const { clock, pass } = make();
      let ran = false;
      const cancel = clock.after(2 ** 40, () => {
        ran = true;
      });
      await pass(5);
      assert.equal(ran, false);
      cancel();
    });
  });
