import { type Answer, done, failed, messageOf } from '../../../kit/errors.js';
import { type Bundle, parseBundleJson, readBundleFile } from '../bundle/bundle.js';
import { type FileDigest, FileMismatch, readLimited, sha256Of } from '../bundle/files.js';
import { type BundleRuntime, LIMITS } from '../bundle/manifest.js';
import type { Interpreter } from '../interpreter.js';
import { logitsSpec, outputOf, outputSpec } from '../outputs.js';
import { compareSample } from './compare.js';
import { type GoldenInput, goldenInputsSchema, goldenOutputsSchema, noiseImage } from './samples.js';

/**
 * - `golden-picture`: the file of a sample is missing or damaged
 * - `golden-input`: decoding and resizing a sample gives different bytes than in training
 * - `golden-output`: the outputs of the kernels differ too much from the expected ones
 */
export type GoldenFault = 'golden-picture' | 'golden-input' | 'golden-output';

/** Measurements of a runtime that has passed all golden samples. */
export interface GoldenResult {
  readonly samples: number;
  /** Whether the outputs had to be bit-identical. Otherwise the bundle's tolerances were used. */
  readonly exact: boolean;
  /** Largest difference of a logit, as a real number. */
  readonly logitDifference: number;
  /** Smallest cosine similarity of an embedding. */
  readonly embeddingCosine: number;
  /** Duration of the first run, which may load the model's parameters, and median of the other runs. */
  readonly firstMs: number;
  readonly medianMs: number;
}

/** Turns the file of an image into the model's input. Rejects if it cannot be decoded. */
export type Prepare = (file: Uint8Array) => Promise<Uint8Array>;

/**
 * Runs the bundle's golden samples: images with known outputs. They prove that this runtime gives correct outputs on
 * this machine. Stops at the first sample that fails.
 * @throws BundleError, InterpreterError, CalibrationError
 */
export const checkGoldenSamples = async (
  bundle: Bundle,
  runtime: BundleRuntime,
  interpreter: Interpreter,
  prepare: Prepare,
  monotonicMs: () => number,
): Promise<Answer<GoldenResult, GoldenFault>> => {
  const { manifest } = bundle;
  const rule = manifest.runtimes[runtime]?.golden;
  if (!rule) throw new RangeError(`bundle ${manifest.name}: no model for ${runtime}`);
  const { inputs } = await readJson(bundle, manifest.golden, goldenInputsSchema);
  const golden = await readJson(bundle, rule, goldenOutputsSchema);
  const logits = logitsSpec(manifest, runtime, interpreter);
  const embedding = outputSpec(manifest, runtime, 'embedding', interpreter);
  const exact = rule.exact && rule.kernels === interpreter.backend;
  let logitDifference = 0;
  let embeddingCosine = 1;
  const elapsedMs: number[] = [];

  for (const input of inputs) {
    const expected = golden.expected.find(({ id }) => id === input.id);
    if (!expected)
      return failed(
        'golden-output',
        `golden sample ${input.id}: no expected output in ${rule.file}. Export the bundle again.`,
      );
    const image = await inputOf(bundle, input, prepare);
    if (!image.ok) return image;
    const startMs = monotonicMs();
    const outputs = await interpreter.invoke(image.value);
    elapsedMs.push(monotonicMs() - startMs);
    const foundLogits = { data: outputOf(outputs, logits), spec: logits };
    const foundEmbedding = embedding && { data: outputOf(outputs, embedding), spec: embedding };
    const comparison = compareSample(
      golden,
      expected,
      foundLogits,
      foundEmbedding,
      rule,
      manifest.labels,
      exact,
    );
    if (comparison.mismatch) {
      const required = exact
        ? 'bit-identical outputs required'
        : `tolerance for kernels other than ${rule.kernels}`;
      return failed(
        'golden-output',
        `golden sample ${input.id}: ${comparison.mismatch} (${interpreter.backend}, ${required})`,
      );
    }
    logitDifference = Math.max(logitDifference, comparison.logitDifference);
    embeddingCosine = Math.min(embeddingCosine, comparison.embeddingCosine);
  }
  const [firstMs = 0, ...rest] = elapsedMs;
  return done({
    samples: inputs.length,
    exact,
    logitDifference,
    embeddingCosine,
    firstMs,
    medianMs: rest.length > 0 ? median(rest) : firstMs,
  });
};

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

const readJson = async <S extends Parameters<typeof parseBundleJson>[3]>(
  bundle: Bundle,
  digest: FileDigest,
  schema: S,
) => parseBundleJson(bundle.folder, digest.file, await readBundleFile(bundle, digest), schema);

/** Returns the model's input for a sample. The images are in the folder of inputs.json. */
const inputOf = async (
  bundle: Bundle,
  input: GoldenInput,
  prepare: Prepare,
): Promise<Answer<Uint8Array, GoldenFault>> => {
  const about = `golden sample ${input.id}`;
  let image: Uint8Array;
  if ('generator' in input) {
    image = noiseImage(input, bundle.manifest.input);
  } else {
    const folder = bundle.manifest.golden.file.split('/').slice(0, -1);
    const path = [...folder, input.file].join('/');
    const file = await readLimited(bundle.folder, path, LIMITS.goldenBytes).catch(
      (thrown: unknown) => thrown,
    );
    if (!(file instanceof Buffer)) {
      const reason = file instanceof FileMismatch ? file.message : `cannot be read (${messageOf(file)})`;
      return failed('golden-picture', `${about}: ${path}: ${reason}. Install the bundle again.`);
    }
    if (sha256Of(file) !== input.fileSha256) {
      return failed(
        'golden-picture',
        `${about}: ${path}: the sha256 differs from inputs.json. Install the bundle again.`,
      );
    }
    try {
      image = await prepare(file);
    } catch (thrown) {
      return failed('golden-input', `${about}: ${path}: cannot be decoded or resized (${messageOf(thrown)})`);
    }
  }
  const found = sha256Of(image);
  if (found === input.inputSha256) return done(image);
  return failed(
    'golden-input',
    `${about}: the model's input has sha256 ${found}, but in training it was ${input.inputSha256}. ` +
      'Decoding or resizing differs on this machine.',
  );
};
