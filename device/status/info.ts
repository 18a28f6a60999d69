import type { Policy } from '../cycle/policy.js';
import type { VisionInfo } from '../perception/vision/vision.js';

/** What a bin is made of: fixed from its start on. */
export interface BinIdentity {
  readonly bin: { readonly id: string; readonly name: string };
  readonly sortbin: string;
  readonly labels: readonly string[];
  readonly policy: Policy;
  readonly active: VisionInfo;
  /** The name of each part's driver. */
  readonly drivers: Readonly<Record<string, string>>;
  /** Tells two configurations apart. */
  readonly config: string;
}

/** The payload of the retained `info` topic. */
export const infoOf = ({ policy, active: served, ...identity }: BinIdentity) => ({
  schema: 1,
  ...identity,
  node: process.versions.node,
  model: served.model,
  runtime: served.runtime,
  golden: served.golden,
  passedOver: served.skipped,
  compartments: compartmentsOf(policy),
  fallback: policy.fallback,
  refused: [...policy.refuse],
  thresholds: {
    confidence: policy.confidence,
    margin: policy.margin,
    hazardConfidence: policy.hazardConfidence,
  },
});

const compartmentsOf = ({ compartmentOf, fallback }: Policy): Record<string, string[]> => {
  const compartments: Record<string, string[]> = { [fallback]: [] };
  for (const [label, compartment] of compartmentOf)
    compartments[compartment] = [...(compartments[compartment] ?? []), label];
  return compartments;
};
