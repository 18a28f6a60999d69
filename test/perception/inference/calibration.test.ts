import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  dequantise,
  meanOf,
  softmax,
  topLabel,
  unfamiliarity,
} from '../../../device/perception/inference/calibration.js';

const close = (actual: number, expected: number) =>
  assert.ok(Math.abs(actual - expected) < 1e-9, `${actual} is not ${expected}`);

const logits = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 20 });
const temperature = fc.double({ min: 0.05, max: 20, noNaN: true });

test('dequantise multiplies the distance from the zero point by the scale', () => {
  const spec = { name: 'logits', type: 'int8', shape: [3], scale: 0.5, zeroPoint: -80 } as const;
  assert.deepEqual(dequantise(Int8Array.of(-80, -78, -128), spec), [0, 1, -24]);
});

test('averages the logits of several views', () => {
  assert.deepEqual(meanOf([[1, 2]]), [1, 2]);
  assert.deepEqual(
    meanOf([
      [1, 2],
      [3, -2],
    ]),
    [2, 0],
  );
  assert.throws(() => meanOf([[1, 2], [3]]), { code: 'output-invalid' });
  assert.throws(() => meanOf([]), { code: 'output-invalid' });
});

test('softmax gives the values calculated by hand', () => {
  const [a = 0, b = 0] = softmax([0, Math.log(3)], 1);
  close(a, 0.25);
  close(b, 0.75);
  const [warm = 0] = softmax([0, Math.log(9)], 2);
  close(warm, 0.25);
});

test('softmax has the sum 1, is finite and keeps the order', () => {
  fc.assert(
    fc.property(logits, temperature, (values, t) => {
      const scores = softmax(values, t);
      close(
        scores.reduce((sum, score) => sum + score, 0),
        1,
      );
      for (const [i, a] of values.entries()) {
        const score = scores[i] ?? Number.NaN;
        assert.ok(score >= 0 && score <= 1);
        for (const [j, b] of values.entries()) if (a >= b) assert.ok(score >= (scores[j] ?? 2));
      }
    }),
  );
});

test('a higher temperature never increases the highest score', () => {
  fc.assert(
    fc.property(logits, temperature, fc.double({ min: 1, max: 10, noNaN: true }), (values, t, factor) => {
      assert.ok(Math.max(...softmax(values, t * factor)) <= Math.max(...softmax(values, t)) + 1e-12);
    }),
  );
});

test('refuses numbers that are not finite', () => {
  const spec = { name: 'logits', type: 'float32', shape: [2], scale: 1, zeroPoint: 0 } as const;
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    assert.throws(() => softmax([1, bad], 1), {
      code: 'output-invalid',
      message: /value 1 is (NaN|-?Infinity), not a finite number/,
    });
    assert.throws(() => dequantise(Float32Array.of(1, bad), spec), { code: 'output-invalid' });
    assert.throws(() => unfamiliarity([bad, 1], { score: 'energy', threshold: 0 }), {
      code: 'output-invalid',
    });
  }
  assert.throws(() => softmax([], 1), { code: 'output-invalid', message: /no values/ });
});

test('rates by energy or by the highest logit, and flags only scores above the threshold', () => {
  const energy = unfamiliarity([0, 0, 0, 0], { score: 'energy', threshold: -2 });
  close(energy.score, -Math.log(4));
  assert.equal(energy.flag, true);
  assert.deepEqual(unfamiliarity([1, 5, 2], { score: 'max-logit', threshold: -5 }), {
    score: -5,
    flag: false,
  });
  assert.deepEqual(unfamiliarity([1, 5, 2], { score: 'max-logit', threshold: -5.1 }), {
    score: -5,
    flag: true,
  });
  close(unfamiliarity([1000, 0], { score: 'energy', threshold: 0 }).score, -1000);
});

test('energy is finite and at most minus the highest logit', () => {
  fc.assert(
    fc.property(logits, (values) => {
      const { score } = unfamiliarity(values, { score: 'energy', threshold: 0 });
      assert.ok(Number.isFinite(score) && score <= -Math.max(...values));
    }),
  );
});

test('returns the label with the highest score, or the first of equal ones', () => {
  assert.deepEqual(topLabel(['a', 'b', 'c'], [0.2, 0.5, 0.3]), { label: 'b', confidence: 0.5 });
  assert.deepEqual(topLabel(['a', 'b'], [0.5, 0.5]), { label: 'a', confidence: 0.5 });
  assert.throws(() => topLabel(['a'], [0.5, 0.5]), { code: 'output-invalid' });
});
