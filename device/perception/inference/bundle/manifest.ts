import { z } from 'zod';
import { pathSchema, sha256Schema } from './files.js';

/** Limits of a bundle. Sizes are in bytes. */
export const LIMITS = {
  manifestBytes: 1 << 20,
  labelsBytes: 64 << 10,
  goldenBytes: 4 << 20,
  fileBytes: 64 << 20,
  labels: 1000,
  weights: 64,
  inputPixels: { min: 16, max: 1024 },
  views: 8,
  /** Minimum size of a view, as a share of the sides. */
  view: 0.1,
  temperature: { min: 0.01, max: 100 },
  /** Maximum absolute value of a logit, and of a number that is compared with logits. */
  logit: 1000,
  /** Levels of mappings and lists in a JSON file. */
  jsonLevels: 32,
} as const;

/** A terminal acts on control characters, and on marks that change the direction of a text. */
const name = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[^\p{Cc}\p{Bidi_C}\p{Zl}\p{Zp}]*$/u, 'must not contain control characters');
const share = z.number().min(0).max(1);
const logitDifference = z.number().positive().max(LIMITS.logit);
const inputSide = z.int().min(LIMITS.inputPixels.min).max(LIMITS.inputPixels.max);

const fileSchema = z.object({
  file: pathSchema,
  sha256: sha256Schema,
  bytes: z.int().positive().max(LIMITS.fileBytes),
});

const goldenFileSchema = fileSchema.extend({ bytes: z.int().positive().max(LIMITS.goldenBytes) });

/** The expected outputs of a runtime for the golden samples, with their tolerances. Logits are real numbers. */
const goldenOutputsSchema = goldenFileSchema.extend({
  kernels: name,
  exact: z.boolean(),
  clearMargin: logitDifference,
  maxLogitDifference: logitDifference,
  minEmbeddingCosine: z.number().min(-1).max(1),
});

const runtimeSchema = fileSchema.extend({ golden: goldenOutputsSchema });

const outputSchema = z.object({ tflite: name.optional(), edgetpu: name.optional(), tfjs: name.optional() });

/** Schema 1 of a bundle's manifest.json. Unknown keys are ignored. */
export const manifestSchema = z.object({
  schema: z.literal(1),
  name: name.regex(/^[a-z0-9][a-z0-9._-]*$/, 'must consist of lower-case letters, digits, ".", "_" and "-"'),
  version: name.regex(
    /^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/,
    'must be a semantic version such as 1.0.0',
  ),
  created: z.iso.datetime(),
  licence: z.string().max(4096),
  labels: z
    .array(name.regex(/^\S+$/, 'must not contain white space'))
    .min(2)
    .max(LIMITS.labels)
    .refine((labels) => new Set(labels).size === labels.length, 'must not contain duplicates'),
  input: z.object({
    width: inputSide,
    height: inputSide,
    colour: z.string(),
    fit: z.string(),
    kernel: z.string(),
    mean: z.number(),
    scale: z.number().positive(),
  }),
  views: z.array(z.number().min(LIMITS.view).max(1)).min(1).max(LIMITS.views),
  outputs: z.object({
    logits: outputSchema.optional(),
    embedding: outputSchema.optional(),
    scores: outputSchema.optional(),
  }),
  golden: goldenFileSchema,
  runtimes: z
    .object({
      tflite: runtimeSchema.optional(),
      edgetpu: runtimeSchema.optional(),
      tfjs: runtimeSchema.extend({ weights: z.array(fileSchema).min(1).max(LIMITS.weights) }).optional(),
    })
    .refine((runtimes) => Object.values(runtimes).some(Boolean), 'must name at least one runtime'),
  calibration: z.object({
    temperature: z.number().min(LIMITS.temperature.min).max(LIMITS.temperature.max),
    unfamiliar: z
      .object({
        score: z.enum(['energy', 'max-logit']),
        threshold: z.number().min(-LIMITS.logit).max(LIMITS.logit),
      })
      .nullish()
      .transform((unfamiliar) => unfamiliar ?? null),
  }),
  policy: z.object({ confidence: share, margin: share }),
  validation: z.record(z.string(), z.unknown()).optional(),
});

export type Manifest = z.infer<typeof manifestSchema>;

/** A runtime for which a bundle may contain a model. */
export type BundleRuntime = keyof Manifest['runtimes'];

/** Returns why this version does not support a valid manifest, or null if it does. */
export const incompatibility = ({ input, outputs }: Manifest): string | null => {
  const supported = { colour: 'rgb', fit: 'fill', kernel: 'linear', mean: 127, scale: 128 } as const;
  for (const [key, value] of Object.entries(supported)) {
    const found = input[key as keyof typeof supported];
    if (found !== value) return `input.${key} is ${found}, but this version supports only ${value}`;
  }
  return outputs.logits
    ? null
    : 'outputs.logits is missing, but this version supports only models with logits';
};
