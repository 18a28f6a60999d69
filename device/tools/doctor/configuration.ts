import type { ConfigWarning } from '../../config/load.js';
import type { ConfigError } from '../../config/problems.js';
import type { Config } from '../../config/schema.js';
import { makePolicy } from '../../cycle/policy.js';
import { SortbinError } from '../../kit/errors.js';
import type { Bundle } from '../../perception/inference/bundle/bundle.js';
import { checkRoutes } from '../../wire/gate.js';
import { type Check, fact, type Section } from './doctor.js';

/** Checks that the configuration is valid and, if a bundle is loaded, that its policy matches the labels. */
export const examineConfiguration = (
  loaded:
    | { readonly config: Config; readonly source: string; readonly warnings: readonly ConfigWarning[] }
    | ConfigError,
  bundle: Bundle | null,
  exitCode: number,
): Section => {
  const title = 'configuration';
  if (!('config' in loaded)) {
    const { code, message, problems } = loaded;
    return { title, exitCode, checks: [{ name: 'file', status: 'fail', text: message, code, problems }] };
  }
  const { config, source, warnings } = loaded;
  return {
    title,
    exitCode,
    checks: [
      fact('file', source === 'defaults' ? 'none, all keys have their defaults' : `${source} is valid`),
      ...warnings.map(
        ({ message, ...rest }): Check => ({
          name: rest.newPath === undefined ? 'warning' : 'renamed',
          status: 'note',
          text: message,
          ...rest,
        }),
      ),
      fact('bin', `${config.bin.id} (${config.bin.name})`),
      ...(bundle ? policyChecks(config, bundle) : []),
    ],
  };
};

/** Checks that each label has a compartment, and that the gate has a route to each compartment. */
const policyChecks = (config: Config, { manifest }: Bundle): Check[] => {
  let name = 'policy';
  try {
    const policy = makePolicy(config.policy, manifest.labels, manifest.policy);
    const { compartmentOf, refuse } = policy;
    const compartments = [...new Set(compartmentOf.values())];
    const refused = [...refuse];
    const text = [
      'every label is assigned',
      `Compartments: ${compartments.join(', ')}`,
      `Refused labels: ${refused.join(', ') || 'none'}.`,
    ].join('. ');
    name = 'gate';
    checkRoutes(config.gate, policy);
    return [fact('policy', text, { compartments, refused })];
  } catch (thrown) {
    if (!(thrown instanceof SortbinError)) throw thrown;
    return [{ name, status: 'fail', text: thrown.message, code: thrown.code }];
  }
};
