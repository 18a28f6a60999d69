import type { ConfigWarning } from '../../config/load.js';
import type { ConfigError } from '../../config/problems.js';
import type { Config } from '../../config/schema.js';
import type { Bundle } from '../../perception/inference/bundle/bundle.js';
import { type Check, fact, type Section } from './doctor.js';
import { fitToModel } from './model-fit.js';

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

const policyChecks = (config: Config, { manifest }: Bundle): Check[] => {
  const fit = fitToModel(config, manifest);
  if ('fault' in fit) {
    const { part, fault } = fit;
    return [{ name: part, status: 'fail', text: fault.message, code: fault.code }];
  }
  const { compartmentOf, refuse } = fit.policy;
  const compartments = [...new Set(compartmentOf.values())];
  const refused = [...refuse];
  const text = [
    'every label is assigned',
    `Compartments: ${compartments.join(', ')}`,
    `Refused labels: ${refused.join(', ') || 'none'}.`,
  ].join('. ');
  return [
    fact('policy', text, { compartments, refused }),
    ...(fit.warning ? [{ name: 'policy', status: 'note', text: fit.warning } as const] : []),
  ];
};
