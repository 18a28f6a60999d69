import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ConfigWarning, parseConfig } from '../../../device/config/load.js';
import { loadBundle } from '../../../device/perception/inference/bundle/bundle.js';
import { examineConfiguration } from '../../../device/tools/doctor/configuration.js';
import { factoryBundle } from '../../support/bundle-copy.js';

describe('examineConfiguration', () => {
  const examine = async (yaml: string) => {
    const warnings: ConfigWarning[] = [];
    const config = parseConfig(yaml, 'sortbin.yaml', (warning) => warnings.push(warning));
    const loaded = { config, source: 'sortbin.yaml', warnings };
    const { checks } = examineConfiguration(loaded, await loadBundle(factoryBundle()), 78);
    return checks.map(({ name, status, text }) => `${name} ${status}: ${text}`);
  };

  it('shows the compartments of a configuration that fits the model', async () => {
    assert.deepEqual(await examine(''), [
      'file ok: sortbin.yaml is valid',
      'bin ok: bin (Sorting bin)',
      'policy ok: every label is assigned. Compartments: paper, glass, packaging, residual. Refused labels: battery.',
    ]);
  });

  it('fails if the gate has no route to a compartment of the policy', async () => {
    const gate = 'gate: { driver: lines, passive: [paper, glass, packaging] }';
    assert.equal(
      (await examine(gate)).at(-1),
      'gate fail: gate.compartments: no entry for "residual". Add one, or list it in gate.passive if items fall in without a move.',
    );
  });

  it('notes a confidence that has no effect', async () => {
    assert.match(
      (await examine('policy: { confidence: 0.6 }')).at(-1) ?? '',
      /^policy note: policy\.confidence: 0\.6 has no effect, because policy\.margin is 0\.9: /,
    );
  });

  it('notes a key with an old name', async () => {
    assert.equal(
      (await examine('person: {}'))[1],
      'renamed note: person has the new name panel. Rename it: the next release refuses the old name.',
    );
  });
});
