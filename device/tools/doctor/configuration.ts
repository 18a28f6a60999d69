import type { ConfigError } from '../../config/errors.js';
import type { Config } from '../../config/schema.js';
import { makePolicy } from '../../cycle/policy.js';
import { SortbinError } from '../../kit/errors.js';
import type { Bundle } from '../../perception/inference/bundle/bundle.js';
import { type Check, fact, type Section } from './doctor.js';

/** Whether the configuration is valid, and fits the bundle's labels where there is one. */
export const examineConfiguration = (
  read: { readonly config: Config; readonly source: string } | ConfigError,
  bundle: Bundle | null,
  exitCode: number,
): Section => {
  const title = 'configuration';
  if (!('config' in read)) {
    const { code, message, problems } = read;
    return { title, exitCode, checks: [{ name: 'file', status: 'fail', text: message, code, problems }] };
  }
  const { config, source } = read;
  return {
    title,
    exitCode,
    checks: [
      fact('file', source === 'defaults' ? 'none: every key has its default' : `${source} is valid`),
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
    const refusing = refused.length > 0 ? `; ${refused.join(', ')} refused` : '';
    return fact('policy', `each label has its place: ${compartments.join(', ')}${refusing}`, {
      compartments,
      refused,
    });
  } catch (thrown) {
    if (!(thrown instanceof SortbinError)) throw thrown;
    return { name: 'policy', status: 'fail', text: thrown.message, code: thrown.code };
  }
};
