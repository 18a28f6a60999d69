import { type Policy, thresholdsOf } from '../cycle/policy.js';
import type { VisionInfo } from '../perception/vision/vision.js';

/** What a bin has beside its model and its gate. */
export interface Capabilities {
  /** The compartments that have a fill sensor. */
  readonly fill: readonly string[];
  /** Whether the command `trigger` works. */
  readonly trigger: boolean;
  /** Whether models come from a repository. */
  readonly updates: boolean;
  /** Whether the topic `image` has the picture of the last item. */
  readonly image: boolean;
}

/** The identity of a bin. It changes only with the model and the active runtime. */
export interface BinIdentity {
  readonly bin: { readonly id: string; readonly name: string };
  readonly sortbin: string;
  readonly labels: readonly string[];
  readonly policy: Policy;
  readonly active: VisionInfo;
  /** Driver name of each part. */
  readonly drivers: Readonly<Record<string, string>>;
  readonly capabilities: Capabilities;
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

/** The payload of the topic `info`. */
export type BinInfo = ReturnType<typeof infoOf>;

const compartmentsOf = ({ compartmentOf, fallback }: Policy): Record<string, string[]> => {
  const compartments = new Map<string, string[]>([[fallback, []]]);
  for (const [label, compartment] of compartmentOf)
    compartments.set(compartment, [...(compartments.get(compartment) ?? []), label]);
  return Object.fromEntries(compartments);
};
