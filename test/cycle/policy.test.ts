import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseConfig } from '../../device/config/load.js';
import {
  applyCapacity,
  type Decision,
  decide,
  decidingThreshold,
  makePolicy,
  type PolicySettings,
} from '../../device/cycle/policy.js';
import { packageRoot } from '../../device/kit/root.js';
import { LABELS, somePolicy } from '../support/cycle.js';

const scored = (scores: Record<string, number>, unfamiliar = false) => {
  const [label = '', confidence = 0] = Object.entries(scores).sort(([, a], [, b]) => b - a)[0] ?? [];
  return { label, confidence, scores, unfamiliar: { flag: unfamiliar } };
};

const decided = (
  scores: Record<string, number>,
  settings: Partial<PolicySettings> = {},
  unfamiliar = false,
) => {
  const { compartment, reason } = decide(scored(scores, unfamiliar), somePolicy(settings));
  return [compartment, reason];
};

/** The training chooses its thresholds for the same compartments: test_compartments.py reads this file too. */
const DEFAULTS: readonly {
  readonly preset: PolicySettings['preset'];
  readonly compartments: Readonly<Record<string, string | null>>;
}[] = JSON.parse(readFileSync(join(packageRoot(), 'test/cycle/default-compartments.json'), 'utf8'));

describe('the compartments without a configuration', () => {
  for (const { preset, compartments } of DEFAULTS) {
    const labels = Object.keys(compartments);
    it(`are those of the preset ${preset} for ${labels.join(', ')}`, () => {
      const fallback = Object.values(compartments).find((place) => place !== null) ?? null;
      const settings = { ...parseConfig('', 'defaults').policy, preset, fallback };
      const policy = makePolicy(settings, labels, { confidence: 0.5, margin: 0 });
      assert.deepEqual(
        Object.fromEntries(labels.map((label) => [label, policy.compartmentOf.get(label) ?? null])),
        compartments,
      );
      assert.deepEqual(
        [...policy.refuse],
        labels.filter((label) => compartments[label] === null),
      );
    });
  }
});

describe('the four-way policy', () => {
  const places: [string, string][] = [
    ['paper', 'paper'],
    ['cardboard', 'paper'],
    ['plastic', 'packaging'],
    ['metal', 'packaging'],
    ['brown-glass', 'glass'],
    ['green-glass', 'glass'],
    ['white-glass', 'glass'],
    ['biological', 'residual'],
    ['trash', 'residual'],
    ['clothes', 'residual'],
    ['shoes', 'residual'],
  ];
  for (const [label, compartment] of places)
    it(`puts ${label} into ${compartment}`, () => {
      assert.deepEqual(decided({ [label]: 0.98, other: 0.02 }), [compartment, 'confident']);
    });

  it('refuses a battery', () => {
    assert.deepEqual(decided({ battery: 0.99, metal: 0.01 }), [null, 'hazard']);
  });

  it('refuses a likely battery even if another label is more likely', () => {
    assert.deepEqual(decided({ metal: 0.6, battery: 0.35, paper: 0.05 }), [null, 'hazard']);
    assert.deepEqual(decided({ metal: 0.96, battery: 0.04 }), ['packaging', 'confident']);
  });

  it('sends uncertain items to the fallback, with the reason', () => {
    assert.deepEqual(decided({ paper: 0.7, trash: 0.01 }), ['residual', 'low-confidence']);
    assert.deepEqual(decided({ paper: 0.8, trash: 0.2 }), ['residual', 'narrow-margin']);
    assert.deepEqual(decided({ paper: 0.99, trash: 0.01 }, {}, true), ['residual', 'unfamiliar']);
  });

  it('prefers the thresholds of the configuration to those of the bundle', () => {
    const settings = { confidence: 0.5, margin: 0.1 };
    assert.deepEqual(decided({ paper: 0.6, trash: 0.4 }, settings), ['paper', 'confident']);
  });
});

describe('other policies', () => {
  it('gives each label its own compartment with the preset twelve-way, and refuses the battery', () => {
    assert.deepEqual(decided({ shoes: 1 }, { preset: 'twelve-way' }), ['shoes', 'confident']);
    assert.deepEqual(decided({ battery: 1 }, { preset: 'twelve-way' }), [null, 'hazard']);
    assert.deepEqual(decided({ shoes: 0.4 }, { preset: 'twelve-way' }), ['trash', 'low-confidence']);
  });

  it('accepts batteries if they have a compartment', () => {
    const rest = LABELS.filter((label) => label !== 'battery');
    const settings = { compartments: { residual: rest, hazardous: ['battery'] } };
    assert.deepEqual(decided({ battery: 1 }, settings), ['hazardous', 'confident']);
  });

  const wrong: [string, Partial<PolicySettings>, RegExp][] = [
    [
      'a label without a place',
      { compartments: { residual: ['paper'] }, refuse: [] },
      /"battery", .*have no compartment/,
    ],
    [
      'an unknown label',
      { compartments: { residual: ['papper'] } },
      /policy\.compartments\.residual: "papper" is not/,
    ],
    [
      'an unknown label to refuse',
      { refuse: ['bomb'] },
      /policy\.refuse: "bomb" is not a label of the model/,
    ],
    [
      'a fallback that is nowhere',
      { fallback: 'attic' },
      /policy\.fallback: "attic" is not a compartment\. Use one of "paper"/,
    ],
  ];
  for (const [what, settings, message] of wrong)
    it(`refuses ${what}`, () => {
      assert.throws(() => somePolicy(settings), { code: 'policy-invalid', message });
    });
});

describe('any scores', () => {
  const scores = fc.dictionary(fc.constantFrom(...LABELS), fc.double({ min: 0, max: 1, noNaN: true }), {
    minKeys: 1,
  });

  it('lead to an existing compartment, or to the refusal of a hazard', () => {
    const four = somePolicy();
    const places = new Set([...four.compartmentOf.values(), four.fallback]);
    fc.assert(
      fc.property(scores, fc.boolean(), (given, unfamiliar) => {
        const { compartment, reason } = decide(scored(given, unfamiliar), four);
        if (compartment === null) assert.equal(reason, 'hazard');
        else assert.ok(places.has(compartment));
        if (reason !== 'confident' && reason !== 'hazard') assert.equal(compartment, four.fallback);
      }),
    );
  });

  it('never lead to a compartment if the battery is at or above the hazard threshold', () => {
    fc.assert(
      fc.property(scores, fc.double({ min: 0.3, max: 1, noNaN: true }), (given, battery) => {
        assert.equal(decide(scored({ ...given, battery }), somePolicy()).compartment, null);
      }),
    );
  });
});

describe('full compartments', () => {
  const to = (compartment: string | null, reason: Decision['reason'] = 'confident'): Decision => ({
    compartment,
    label: 'paper',
    confidence: 0.9,
    reason,
  });
  const room = (full: string[], whenFull: 'fallback' | 'refuse') => ({ full: new Set(full), whenFull });

  it('do not affect other compartments or refused items', () => {
    assert.deepEqual(applyCapacity(to('paper'), somePolicy(), room(['glass'], 'refuse')), to('paper'));
    assert.deepEqual(
      applyCapacity(to(null, 'hazard'), somePolicy(), room(['paper'], 'refuse')),
      to(null, 'hazard'),
    );
  });

  it('send an item to the fallback or refuse it, as configured', () => {
    const full = 'compartment-full';
    assert.deepEqual(
      applyCapacity(to('paper'), somePolicy(), room(['paper'], 'fallback')),
      to('residual', full),
    );
    assert.deepEqual(applyCapacity(to('paper'), somePolicy(), room(['paper'], 'refuse')), to(null, full));
  });

  it('refuse an item if the fallback is full too', () => {
    const both = room(['paper', 'residual'], 'fallback');
    assert.deepEqual(applyCapacity(to('paper'), somePolicy(), both), to(null, 'compartment-full'));
    assert.deepEqual(
      applyCapacity(to('residual', 'unfamiliar'), somePolicy(), both),
      to(null, 'compartment-full'),
    );
  });
});

describe('decidingThreshold', () => {
  it('names a threshold only if the other one changes no decision', () => {
    const share = fc.integer({ min: 0, max: 100 }).map((percent) => percent / 100);
    fc.assert(
      fc.property(share, share, fc.integer({ min: 0, max: 1000 }), (confidence, margin, first) => {
        const scores = { paper: first / 1000, metal: (1000 - first) / 1000 };
        const isSure = (changes: Partial<PolicySettings>) =>
          decided(scores, { confidence, margin, ...changes })[1] === 'confident';
        const deciding = decidingThreshold({ confidence, margin });
        if (deciding !== 'both') {
          const other = deciding === 'margin' ? { confidence: 0 } : { margin: 0 };
          // A lead that equals the margin is compared after rounding.
          if (isSure({}) !== isSure(other))
            assert.ok(Math.abs(Math.abs(2 * first - 1000) / 1000 - margin) < 1e-9);
        }
      }),
    );
  });
});
