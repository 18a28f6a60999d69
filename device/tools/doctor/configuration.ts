import type { ConfigError } from '../../config/problems.js';
import type { Config } from '../../config/schema.js';
import { makePolicy } from '../../cycle/policy.js';
import { SortbinError } from '../../kit/errors.js';
import type { Bundle } from '../../perception/inference/bundle/bundle.js';
import { type Check, fact, type Section } from './doctor.js';

/** Checks that the configuration is valid and, if a bundle is loaded, that its policy matches the labels. */
export const examineConfiguration = (
  loaded: { readonly config: Config; readonly source: string } | ConfigError,
  bundle: Bundle | null,
  exitCode: number,
): Section => {
  const title = 'configuration';
  if (!('config' in loaded)) {
    const { code, message, problems } = loaded;
    return { title, exitCode, checks: [{ name: 'file', status: 'fail', text: message, code, problems }] };
  }
  const { config, source } = loaded;
  return {
    title,
    exitCode,
    checks: [
      fact('file', source === 'defaults' ? 'none, all keys have their defaults' : `${source} is valid`),
      fact('bin', `${config.bin.id} (${config.bin.name})`),
      ...(bundle ? [policyCheck(config, bundle)] : []),
    ],
  };
};

const policyCheck = ({ policy }: Config, { manifest }: Bundle): Check => {
  try {
    const { compartmentOf, refuse } = makePolicy(policy, manifest.labels, manifest.policy);
    const compartments = [...new Set(compartmentOf.values())];
    const refused = [...refuse];
    const text = [
      'every label is assigned',
      `Compartments: ${compartments.join(', ')}`,
      `Refused labels: ${refused.join(', ') || 'none'}.`,
    ].join('. ');
    return fact('policy', text, {
      compartments,
      refused,
    });
  } catch (thrown) {
    if (!(thrown instanceof SortbinError)) throw thrown;
    return { name: 'policy', status: 'fail', text: thrown.message, code: thrown.code };
  }
};
