import { z } from 'zod';

/** Of the messages below: daemon and child come from one build, and say so. */
export const PROTOCOL = 1;

/** `auto`: the fastest that serves; else the one named, or none. */
export type RuntimeChoice = 'auto' | 'tflite';

/** What the child is to serve. */
export interface ServeOptions {
  /** Path of the bundle's folder. */
  readonly bundle: string;
  readonly runtime: RuntimeChoice;
  readonly threads: number;
  /** Path of a TensorFlow Lite C library 2.9 to use in place of the vendored one. */
  readonly library?: string;
}

export type ToChild =
  | { readonly type: 'start'; readonly protocol: number; readonly serve: ServeOptions }
  | { readonly type: 'classify'; readonly id: number; readonly bytes: Uint8Array };

const share = z.number().min(0).max(1);
const elapsedMs = z.number().min(0);
const pixels = z.int().min(0);
const model = z.object({ name: z.string(), version: z.string(), sha256: z.string() });
const runtime = z.object({
  name: z.enum(['edgetpu', 'tflite', 'tfjs-node', 'tfjs-wasm', 'simulated']),
  backend: z.string(),
  threads: z.int().positive(),
});

const infoSchema = z.object({
  model,
  runtime,
  passedOver: z.array(z.object({ runtime: z.string(), why: z.string() })).readonly(),
});

const classificationSchema = z.object({
  label: z.string(),
  confidence: share,
  scores: z.record(z.string(), share),
  unfamiliar: z.object({ score: z.number(), flag: z.boolean() }).nullable(),
  model,
  runtime,
  region: z.tuple([pixels, pixels, pixels, pixels]).readonly(),
  timingsMs: z.object({ decode: elapsedMs, region: elapsedMs, invoke: elapsedMs }),
});

/** The child meets hostile pictures: what it says is checked like anything else from outside. */
export const fromChildSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready'), protocol: z.literal(PROTOCOL), info: infoSchema }),
  z.object({ type: z.literal('refused'), code: z.string(), message: z.string() }),
  z.object({ type: z.literal('result'), id: z.int(), classification: classificationSchema }),
  z.object({
    type: z.literal('fault'),
    id: z.int(),
    code: z.enum(['picture-broken', 'picture-blank', 'vision-failed']),
    message: z.string(),
  }),
]);

export type FromChild = z.infer<typeof fromChildSchema>;
