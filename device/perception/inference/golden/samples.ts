import { z } from 'zod';
import { pathSchema, sha256Schema } from '../bundle/files.js';
import type { Manifest } from '../bundle/manifest.js';

const MAX_SAMPLES = 256;
const MAX_VALUES = 1 << 16;

const sample = { id: z.string().min(1).max(64), inputSha256: sha256Schema };

const imageSchema = z.object({ ...sample, file: pathSchema, fileSha256: sha256Schema });
const noiseSchema = z.object({
  ...sample,
  generator: z.literal('xorshift32'),
  seed: z.int().positive().max(0xffff_ffff),
  block: z.int().positive(),
});

/** golden/inputs.json: images or generated noise, with the sha256 of the model's input. */
export const goldenInputsSchema = z.object({
  schema: z.literal(1),
  inputs: z
    .array(z.union([imageSchema, noiseSchema]))
    .min(1)
    .max(MAX_SAMPLES),
});

export type GoldenImage = z.infer<typeof imageSchema>;
export type GoldenNoise = z.infer<typeof noiseSchema>;
export type GoldenInput = GoldenImage | GoldenNoise;

const values = z.array(z.number()).min(1).max(MAX_VALUES);
const tensorSchema = z.object({
  type: z.enum(['uint8', 'int8', 'float32']),
  scale: z.number().positive().default(1),
  zeroPoint: z.int().default(0),
});

/** golden/<runtime>.json: outputs of the kernels that the manifest names, as stored in the tensors. */
export const goldenOutputsSchema = z.object({
  schema: z.literal(1),
  /** In the order of the logits. Older bundles do not have them. */
  labels: z.array(z.string()).optional(),
  logits: tensorSchema,
  embedding: tensorSchema.optional(),
  expected: z
    .array(
      z.object({
        id: z.string(),
        top: z.string(),
        margin: z.number(),
        logits: values,
        embedding: values.optional(),
      }),
    )
    .max(MAX_SAMPLES),
});

export type GoldenOutputs = z.infer<typeof goldenOutputsSchema>;
export type ExpectedOutput = GoldenOutputs['expected'][number];

/**
 * Generates noise by Marsaglia's xorshift32. Blocks of `block` x `block` pixels have one colour. The highest 8 bits of
 * each number are the value of one channel, in the order of rows, blocks and channels.
 */
export const noiseImage = (
  { seed, block }: GoldenNoise,
  { width, height }: Manifest['input'],
): Uint8Array => {
  const columns = Math.ceil(width / block);
  const blocks = new Uint8Array(columns * Math.ceil(height / block) * 3);
  let state = seed >>> 0;
  for (let index = 0; index < blocks.length; index++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    blocks[index] = state >>> 24;
  }
  const image = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = (Math.floor(y / block) * columns + Math.floor(x / block)) * 3;
      image.set(blocks.subarray(from, from + 3), (y * width + x) * 3);
    }
  }
  return image;
};
