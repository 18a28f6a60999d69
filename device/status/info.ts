import { z } from 'zod';
import { runtimeSchema, thresholdsSchema } from '../cycle/event.js';
import { type Policy, thresholdsOf } from '../cycle/policy.js';
import type { VisionInfo } from '../perception/vision/vision.js';

const strings = z.array(z.string());

/** The payload of the retained topic `info`. The format only gains keys. */
export const infoMessageSchema = z.object({
  schema: z.literal(1).describe('Version of the format'),
  bin: z
    .object({ id: z.string().describe('`bin.id`'), name: z.string().describe('`bin.name`') })
    .describe('The bin, as its configuration names it'),
  sortbin: z.string().describe('Version of sortbin'),
  node: z.string().describe('Version of Node'),
  model: z
    .object({
      name: z.string().describe('Name of the bundle'),
      version: z.string().describe('Version of the bundle'),
      sha256: z.string().describe('Digest of the model file that runs'),
    })
    .describe('The model that classifies now'),
  labels: strings.describe('Labels of the model'),
  runtime: runtimeSchema.describe('The active runtime'),
  golden: z
    .object({
      samples: z.int().describe('Number of golden samples'),
      exact: z.boolean().describe('Whether all answers must be bit-identical'),
      logitDifference: z.number().describe('Largest difference of a logit'),
      embeddingCosine: z.number().describe('Minimum cosine similarity of an embedding and the expected one'),
      firstMs: z.number().meta({ description: 'Time of the first inference', unit: 'ms' }),
      medianMs: z.number().meta({ description: 'Median time of the other inferences', unit: 'ms' }),
    })
    .nullable()
    .describe('Result of the golden samples; `null`: the bundle has none'),
  passedOver: z
    .array(
      z.object({
        runtime: z.string().describe('The runtime'),
        why: z.string().describe('Why it was skipped'),
        code: z.string().optional().describe('Code of the error, if it has one'),
      }),
    )
    .describe('The faster runtimes that were skipped'),
  compartments: z.record(z.string(), strings).describe('The labels of each compartment'),
  fallback: z.string().describe('The fallback compartment'),
  refused: strings.describe('Labels that the bin refuses'),
  thresholds: thresholdsSchema.describe('The [thresholds](thresholds.md) in force'),
  drivers: z.record(z.string(), z.string()).describe('Drivers of `trigger`, `camera` and `gate`'),
  capabilities: z
    .object({
      fill: strings.describe('The compartments that have a fill sensor'),
      trigger: z.boolean().describe('Whether the command `trigger` works'),
      updates: z.boolean().describe('Whether models come from a repository'),
      image: z.boolean().describe('Whether the topic `image` has the picture of each item'),
    })
    .describe('What the bin has beside its model and its gate'),
  commands: strings.describe('The [commands](#commands) that the bin accepts over MQTT'),
  config: z.string().describe('Digest of the configuration, to distinguish two configurations'),
});
export type InfoMessage = z.infer<typeof infoMessageSchema>;
/** What a bin has beside its model and its gate. */
export type Capabilities = InfoMessage['capabilities'];

/** The identity of a bin. It changes only with the model and the active runtime. */
export interface BinIdentity
  extends Pick<InfoMessage, 'bin' | 'sortbin' | 'drivers' | 'capabilities' | 'config'> {
  readonly labels: readonly string[];
  readonly policy: Policy;
  readonly active: VisionInfo;
  /** Commands that the bin accepts over MQTT. */
  readonly commands: readonly string[];
}

/** Returns the payload of the retained `info` topic. */
export const infoOf = ({ policy, active, labels, commands, ...identity }: BinIdentity): InfoMessage => ({
  schema: 1,
  ...identity,
  labels: [...labels],
  commands: [...commands],
  node: process.versions.node,
  model: active.model,
  runtime: active.runtime,
  golden: active.golden,
  passedOver: [...active.skipped],
  compartments: compartmentsOf(policy),
  fallback: policy.fallback,
  refused: [...policy.refuse],
  thresholds: thresholdsOf(policy),
});

const compartmentsOf = ({ compartmentOf, fallback }: Policy): Record<string, string[]> => {
  const compartments = new Map<string, string[]>([[fallback, []]]);
  for (const [label, compartment] of compartmentOf)
    compartments.set(compartment, [...(compartments.get(compartment) ?? []), label]);
  return Object.fromEntries(compartments);
};
