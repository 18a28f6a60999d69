import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Backoff } from '../../device/kit/backoff.js';

test('every delay lies between the limits, for all random numbers', () => {
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(fc.array(random, { minLength: 1, maxLength: 2_000 }), (draws) => {
      const backoff = new Backoff({ minMs: 1_000, maxMs: 60_000 }, () => draws[0] ?? 0);
      for (const _ of draws) {
        const delayMs = backoff.nextMs();
        assert.ok(delayMs >= 1_000 && delayMs <= 60_000, `${delayMs}`);
      }
    }),
  );
});

test('two bins that lost the same broker reconnect at different times', () => {
  const delays = [0.1, 0.9].map((draw) => new Backoff({ minMs: 1_000, maxMs: 60_000 }, () => draw).nextMs());
  assert.deepEqual(delays, [1_100, 1_900]);
});

test('starts again at the minimum after a reset', () => {
  const backoff = new Backoff({ minMs: 10, maxMs: 1_000 }, () => 0.5);
  const first = backoff.nextMs();
  for (let attempt = 0; attempt < 20; attempt++) backoff.nextMs();
  backoff.reset();
  assert.equal(backoff.nextMs(), first);
});

test('doubles the delay up to the maximum without jitter', () => {
  const backoff = new Backoff({ minMs: 100, maxMs: 500 });
  assert.deepEqual(
    [1, 2, 3, 4].map(() => backoff.nextMs()),
    [100, 200, 400, 500],
  );
});
