import { z } from 'zod';
import type { FrameFormat } from '../../hardware/camera/camera.js';
import { type InferenceOptions, RUNTIMES } from '../inference/runtimes.js';

/** Version of the messages below. It detects a daemon and a vision process from different builds. */
export const PROTOCOL = 7;

/** The bundle and the runtimes of a vision process, and its scheduling. */
export interface VisionOptions extends InferenceOptions {
  /** Path of the bundle's folder. */
  readonly bundle: string;
  /** 0 (the same priority as the daemon) to 19 (the lowest priority). */
  readonly nice: number;
  /** CPU cores that the process may use; null: all. */
  readonly cpus: readonly number[] | null;
}

/**
 * What the process does with a frame: `classify` needs the model and waits until it is loaded, `inspect` and `encode`
 * do not.
 */
export interface FrameRequest {
  readonly type: 'classify' | 'inspect' | 'encode';
  readonly id: number;
  readonly bytes: Uint8Array;
  readonly format: FrameFormat | null;
  /** Of an image that is encoded: maximum width and height in pixels; null: not scaled. */
  readonly maxSide: number | null;
}

/** `options` is null for a process without a model. After `close`, the process frees its runtime and exits. */
export type ToChild =
  | { readonly type: 'start'; readonly protocol: number; readonly options: VisionOptions | null }
  | { readonly type: 'close' }
  | FrameRequest;

const share = z.number().min(0).max(1);
const elapsedMs = z.number().min(0);
const pixels = z.int().min(0);
const model = z.object({ name: z.string(), version: z.string(), sha256: z.string() });
const runtime = z.object({
  name: z.enum([...RUNTIMES, 'simulated']),
  backend: z.string(),
  threads: z.int().positive(),
});

const infoSchema = z.object({
  model,
  runtime,
  title: z.string(),
  golden: z
    .object({
      samples: z.int(),
      exact: z.boolean(),
      logitDifference: z.number(),
      embeddingCosine: z.number(),
      firstMs: elapsedMs,
      medianMs: elapsedMs,
    })
    .nullable(),
  skipped: z
    .array(z.object({ runtime: z.string(), why: z.string(), code: z.string().optional() }))
    .readonly(),
});

const classificationSchema = z.object({
  label: z.string(),
  confidence: share,
  scores: z.record(z.string(), share),
  unfamiliar: z.object({ score: z.number(), flag: z.boolean() }).nullable(),
  model,
  runtime,
  region: z.tuple([pixels, pixels, pixels, pixels]).readonly(),
  views: z.array(z.number()).readonly(),
  timingsMs: z.object({ decode: elapsedMs, region: elapsedMs, invoke: elapsedMs }),
});

const qualitySchema = z.object({
  width: pixels,
  height: pixels,
  sharpness: z.number().min(0),
  meanLuma: z.number().min(0).max(255),
  darkShare: share,
  brightShare: share,
});

const MAX_JPEG_BYTES = 64 << 20;
const jpegBytes = z.custom<Uint8Array>(
  (value) => value instanceof Uint8Array && value.length <= MAX_JPEG_BYTES,
);

/** Malicious images may compromise the vision process. Its messages are validated like any external input. */
export const fromChildSchema = z.discriminatedUnion('type', [
  /** Native code is about to be loaded. If no message follows, this runtime has ended the process. */
  z.object({ type: z.literal('trying'), title: z.string() }),
  z.object({ type: z.literal('ready'), protocol: z.literal(PROTOCOL), info: infoSchema.nullable() }),
  z.object({ type: z.literal('refused'), code: z.string(), message: z.string() }),
  z.object({ type: z.literal('result'), id: z.int(), classification: classificationSchema }),
  z.object({ type: z.literal('quality'), id: z.int(), quality: qualitySchema }),
  z.object({ type: z.literal('jpeg'), id: z.int(), bytes: jpegBytes }),
  z.object({
    type: z.literal('fault'),
    id: z.int(),
    code: z.enum(['picture-broken', 'picture-blank', 'picture-dark', 'picture-overexposed', 'vision-failed']),
    message: z.string(),
  }),
]);

export type FromChild = z.infer<typeof fromChildSchema>;

/** An answer to a `FrameRequest`. */
export type FrameReply = Extract<FromChild, { id: number }>;
/** A message about the start of the process. */
export type StartReply = Exclude<FromChild, { id: number }>;
