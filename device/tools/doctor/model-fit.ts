import type { Config } from '../../config/schema.js';
import { decidingThreshold, makePolicy, type Policy, PolicyError } from '../../cycle/policy.js';
import { SortbinError } from '../../kit/errors.js';
import type { Manifest } from '../../perception/inference/bundle/manifest.js';
import { checkRoutes } from '../../wire/gate.js';

/** A configuration that fits a model, or the first reason why it does not. */
export type ModelFit =
  | {
      readonly policy: Policy;
      /** About a value that is valid, but has no effect. It is about the key `policy.confidence`. */
      readonly warning: string | null;
    }
  | {
      readonly part: 'policy' | 'gate';
      /** The key of the configuration. */
      readonly path: readonly string[];
      readonly fault: SortbinError;
    };

/** Checks that each label has a compartment, and that the gate has a route to each compartment. */
export const fitToModel = (config: Config, manifest: Pick<Manifest, 'labels' | 'policy'>): ModelFit => {
  try {
    const policy = makePolicy(config.policy, manifest.labels, manifest.policy);
    checkRoutes(config.gate, policy);
    return { policy, warning: config.policy.confidence === null ? null : uselessConfidence(policy) };
  } catch (fault) {
    if (fault instanceof PolicyError) return { part: 'policy', path: fault.path, fault };
    if (fault instanceof SortbinError) return { part: 'gate', path: ['gate', 'compartments'], fault };
    throw fault;
  }
};

/** Returns why `policy.confidence` has no effect, or null if it has one. */
export const uselessConfidence = (policy: Pick<Policy, 'confidence' | 'margin'>): string | null => {
  const { confidence, margin } = policy;
  if (decidingThreshold(policy) !== 'margin') return null;
  return (
    `policy.confidence: ${confidence} has no effect, because policy.margin is ${margin}: an item with this lead ` +
    `has a score of ${margin} or more. Lower policy.margin too, or use a confidence above ${margin}.`
  );
};
