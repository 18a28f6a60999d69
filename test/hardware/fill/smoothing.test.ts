import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  checkFillRules,
  type FillRules,
  initialFillState,
  median,
  percentOf,
  READINGS,
  updateFill,
} from '../../../device/hardware/fill/smoothing.js';

const RULES: FillRules = { emptyMm: 600, fullMm: 100, fullPercent: 90, clearPercent: 70, smoothing: 0.3 };

const mm = fc.double({ min: 0, max: 5_000, noNaN: true });
const someRules = fc
  .record({
    fullMm: fc.integer({ min: 0, max: 500 }),
    depthMm: fc.integer({ min: 1, max: 2_000 }),
    clearPercent: fc.integer({ min: 0, max: 99 }),
    above: fc.integer({ min: 1, max: 100 }),
    smoothing: fc.double({ min: 0.01, max: 1, noNaN: true }),
  })
  .map(
    ({ fullMm, depthMm, clearPercent, above, smoothing }): FillRules => ({
      fullMm,
      emptyMm: fullMm + depthMm,
      clearPercent,
      fullPercent: Math.min(100, clearPercent + above),
      smoothing,
    }),
  );
const state = fc.record({ smoothedMm: fc.option(mm), full: fc.boolean() });
const measurement = fc.array(mm, { minLength: READINGS, maxLength: READINGS });
const same = (distanceMm: number): number[] => Array(READINGS).fill(distanceMm);

describe('the smoothing of a fill level', () => {
  it('returns whole percentages from 0 to 100, which are higher for a nearer distance', () => {
    fc.assert(
      fc.property(mm, mm, someRules, (one, other, rules) => {
        const [near, far] = [Math.min(one, other), Math.max(one, other)].map((at) => percentOf(at, rules));
        assert.ok(near !== undefined && far !== undefined && near >= far && far >= 0 && near <= 100);
        assert.ok(Number.isInteger(near));
      }),
    );
    assert.deepEqual(
      [600, 350, 100].map((at) => percentOf(at, RULES)),
      [0, 50, 100],
    );
  });

  it('has a median within three good readings, even if two of five readings are wrong', () => {
    const goodReadings = fc.array(mm, { minLength: 3, maxLength: 3 });
    const wrongReadings = fc.array(fc.double({ noNaN: true }), { minLength: 2, maxLength: 2 });
    fc.assert(
      fc.property(goodReadings, wrongReadings, (good, bad) => {
        const middle = median([...good, ...bad]) ?? Number.NaN;
        assert.ok(middle >= Math.min(...good) && middle <= Math.max(...good));
      }),
    );
  });

  it('lies between the previous value and the measurement', () => {
    fc.assert(
      fc.property(state, measurement, someRules, (before, readings, rules) => {
        const { smoothedMm } = updateFill(before, readings, rules);
        const middle = median(readings) ?? Number.NaN;
        const previous = before.smoothedMm ?? middle;
        assert.ok(smoothedMm !== null);
        assert.ok(
          smoothedMm >= Math.min(previous, middle) - 1e-9 && smoothedMm <= Math.max(previous, middle) + 1e-9,
        );
      }),
    );
  });

  it('uses the first measurement unchanged, and converges to a constant distance', () => {
    fc.assert(
      fc.property(mm, mm, someRules, (first, then, rules) => {
        let now = updateFill(initialFillState, same(first), rules);
        assert.equal(now.smoothedMm, first);
        for (let round = 0; round < 3_000; round++) now = updateFill(now, same(then), rules);
        assert.ok(Math.abs((now.smoothedMm ?? Number.NaN) - then) < 1e-6);
      }),
      { numRuns: 50 },
    );
  });

  it('becomes full at one threshold and clear at the other, and changes nothing in between', () => {
    fc.assert(
      fc.property(state, measurement, someRules, (before, readings, rules) => {
        const after = updateFill(before, readings, rules);
        const percent = percentOf(after.smoothedMm ?? Number.NaN, rules);
        if (percent >= rules.fullPercent) assert.equal(after.full, true);
        else if (percent <= rules.clearPercent) assert.equal(after.full, false);
        else assert.equal(after.full, before.full);
      }),
    );
  });

  it('is not changed by a measurement with too few successful readings', () => {
    fc.assert(
      fc.property(state, fc.array(mm, { maxLength: 2 }), (before, readings) => {
        assert.deepEqual(updateFill(before, readings, RULES), before);
      }),
    );
  });

  it('refuses invalid rules, and names the key and the value', () => {
    const invalid: [Partial<FillRules>, RegExp][] = [
      [{ fullMm: 600 }, /^SortbinError: fill\.sensors\.paper\.fullMm: 600 /],
      [{ clearPercent: 90 }, /^SortbinError: fill\.clearPercent: 90 /],
      [{ fullPercent: 101 }, /fill\.fullPercent, 101\./],
      [{ smoothing: 0 }, /^SortbinError: fill\.smoothing: 0 /],
      [{ emptyMm: Number.NaN }, /emptyMm, NaN\./],
    ];
    for (const [rules, message] of invalid)
      assert.throws(() => checkFillRules('paper', { ...RULES, ...rules }), message);
    fc.assert(fc.property(someRules, (rules) => checkFillRules('paper', rules)));
  });
});
