import { type Policy, thresholdsOf } from '../cycle/policy.js';
import type { VisionInfo } from '../perception/vision/vision.js';

/** The identity of a bin. It changes only with the model and the active runtime. */
export interface BinIdentity {
  readonly bin: { readonly id: string; readonly name: string };
  readonly sortbin: string;
  readonly labels: readonly string[];
  readonly policy: Policy;
  readonly active: VisionInfo;
  /** Driver name of each part. */
  readonly drivers: Readonly<Record<string, string>>;
  /** Commands that the bin accepts over MQTT. */
  readonly commands: readonly string[];
  /** Digest of the configuration. */
  readonly config: string;
}

/** Returns the payload of the retained `info` topic. */
export const infoOf = ({ policy, active, ...identity }: BinIdentity) => ({
  schema: 1,
  ...identity,
  node: process.versions.node,
  model: active.model,
  runtime: active.runtime,
  golden: active.golden,
  passedOver: active.skipped,
  compartments: compartmentsOf(policy),
  fallback: policy.fallback,
  refused: [...policy.refuse],
  thresholds: thresholdsOf(policy),
});

const compartmentsOf = ({ compartmentOf, fallback }: Policy): Record<string, string[]> => {
  const compartments: Record<string, string[]> = { [fallback]: [] };
  for (const [label, compartment] of compartmentOf)
    compartments[compartment] = [...(compartments[compartment] ?? []), label];
  return compartments;
};
