import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  checkFillRules,
  initialFillState,
  type FillRules,
  updateFill,
  median,
  percentOf,
  READINGS,
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
const measure = fc.array(mm, { minLength: READINGS, maxLength: READINGS });
const same = (distanceMm: number): number[] => Array(READINGS).fill(distanceMm);

describe('the smoothing of a fill level', () => {
  it('gives whole percents from 0 to 100, more for what is nearer', () => {
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

  it('has a middle that two wild readings of five cannot pull out of the other three', () => {
    const three = fc.array(mm, { minLength: 3, maxLength: 3 });
    const wild = fc.array(fc.double({ noNaN: true }), { minLength: 2, maxLength: 2 });
    fc.assert(
      fc.property(three, wild, (good, bad) => {
        const middle = median([...good, ...bad]) ?? Number.NaN;
        assert.ok(middle >= Math.min(...good) && middle <= Math.max(...good));
      }),
    );
  });

  it('lies between what it was and what was measured', () => {
    fc.assert(
      fc.property(state, measure, someRules, (before, readings, rules) => {
        const { smoothedMm } = updateFill(before, readings, rules);
        const middle = median(readings) ?? Number.NaN;
        const was = before.smoothedMm ?? middle;
        assert.ok(smoothedMm !== null);
        assert.ok(smoothedMm >= Math.min(was, middle) - 1e-9 && smoothedMm <= Math.max(was, middle) + 1e-9);
      }),
    );
  });

  it('takes the first measure as it is, and comes to rest at a distance that stays', () => {
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

  it('becomes full at one threshold and clear at the other, and nothing changes in between', () => {
    fc.assert(
      fc.property(state, measure, someRules, (before, readings, rules) => {
        const after = updateFill(before, readings, rules);
        const percent = percentOf(after.smoothedMm ?? Number.NaN, rules);
        if (percent >= rules.fullPercent) assert.equal(after.full, true);
        else if (percent <= rules.clearPercent) assert.equal(after.full, false);
        else assert.equal(after.full, before.full);
      }),
    );
  });

  it('is not changed by a measure of which too few readings worked', () => {
    fc.assert(
      fc.property(state, fc.array(mm, { maxLength: 2 }), (before, readings) => {
        assert.deepEqual(updateFill(before, readings, RULES), before);
      }),
    );
  });

  it('refuses rules that cannot be right, and names the value', () => {
    const wrong: [Partial<FillRules>, RegExp][] = [
      [{ fullMm: 600 }, /"paper".*fullMm \(600\)/],
      [{ clearPercent: 90 }, /clearPercent \(90\)/],
      [{ fullPercent: 101 }, /fullPercent \(101\)/],
      [{ smoothing: 0 }, /smoothing \(0\)/],
      [{ emptyMm: Number.NaN }, /emptyMm \(NaN\)/],
    ];
    for (const [rules, message] of wrong)
      assert.throws(() => checkFillRules('paper', { ...RULES, ...rules }), message);
    fc.assert(fc.property(someRules, (rules) => checkFillRules('paper', rules)));
  });
});
