import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parseConfig } from '../../device/config/load.js';
import { makePolicy } from '../../device/cycle/policy.js';
import { packageRoot } from '../../device/kit/root.js';
import { LABELS } from '../support/cycle.js';

const docs = join(packageRoot(), 'docs');
const examples = readdirSync(docs, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.md'))
  .flatMap((name) =>
    [...readFileSync(join(docs, name), 'utf8').matchAll(/```yaml\n([\s\S]*?)```/g)].map(
      ([, text = ''], index) => ({ name: `${name}, example ${index + 1}`, text }),
    ),
  );

describe('the example configurations in docs/', () => {
  it('exist', () => {
    assert.ok(examples.length >= 2);
  });
  for (const { name, text } of examples)
    it(`${name} is valid, and its policy fits the factory model and the gate`, () => {
      const { policy, gate } = parseConfig(text, name);
      const { compartmentOf, fallback } = makePolicy(policy, LABELS, { confidence: 0.5, margin: 0.1 });
      if (gate.driver === 'simulated') return;
      const routes = new Set([...Object.keys(gate.compartments), ...gate.passive]);
      for (const compartment of [...compartmentOf.values(), fallback])
        assert.ok(routes.has(compartment), compartment);
    });
});
