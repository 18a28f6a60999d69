import { type Answer, done, failed, messageOf } from '../../../kit/errors.js';
import { type Bundle, parseBundleJson, readBundleFile } from '../bundle/bundle.js';
import { type FileDigest, FileMismatch, readBounded, sha256Of } from '../bundle/files.js';
import { type BundleRuntime, LIMITS } from '../bundle/manifest.js';
import type { Interpreter } from '../interpreter.js';
import { logitsSpec, outputOf, outputSpec } from '../outputs.js';
import { compareSample } from './compare.js';
import { type GoldenInput, goldenAnswersSchema, goldenInputsSchema, noisePicture } from './samples.js';

/**
 * `golden-picture`: a sample's file is missing or damaged; `golden-input`: decoding and resizing it gives other bytes
 * than training had; `golden-output`: the kernels answer otherwise than they should.
 */
export type GoldenFault = 'golden-picture' | 'golden-input' | 'golden-output';

export interface GoldenPass {
  readonly samples: number;
  /** Whether equal bits were asked for; else the bundle's tolerances. */
  readonly exact: boolean;
  /** The largest difference of a logit, as a real number. */
  readonly logitDifference: number;
  readonly embeddingCosine: number;
  /** The first run, which may load the model's parameters, and the median of the others. */
  readonly firstMs: number;
  readonly medianMs: number;
}

/** A picture's file -> the model's input; rejects where it can't. */
export type Prepare = (file: Uint8Array) => Promise<Uint8Array>;

/**
 * Runs the bundle's golden samples: the proof that this runtime, on this machine, answers as the model should. Ends at
 * the first sample that is not passed.
 * @throws BundleError, InterpreterError, CalibrationError
 */
export const passGolden = async (
  bundle: Bundle,
  runtime: BundleRuntime,
  interpreter: Interpreter,
  prepare: Prepare,
  monotonicMs: () => number,
): Promise<Answer<GoldenPass, GoldenFault>> => {
  const { manifest } = bundle;
  const rule = manifest.runtimes[runtime]?.golden;
  if (!rule) throw new RangeError(`bundle ${manifest.name} has no runtime ${runtime}`);
  const { inputs } = await readJson(bundle, manifest.golden, goldenInputsSchema);
  const answers = await readJson(bundle, rule, goldenAnswersSchema);
  const logits = logitsSpec(manifest, runtime, interpreter);
  const embedding = outputSpec(manifest, runtime, 'embedding', interpreter);
  const exact = rule.exact && rule.kernels === interpreter.backend;
  let logitDifference = 0;
  let embeddingCosine = 1;
  const elapsedMs: number[] = [];

  for (const input of inputs) {
    const expected = answers.expected.find(({ id }) => id === input.id);
    if (!expected)
      return failed('golden-output', `golden sample ${input.id}: ${rule.file} has no answer to it`);
    const picture = await inputOf(bundle, input, prepare);
    if (!picture.ok) return picture;
    const startMs = monotonicMs();
    const outputs = await interpreter.invoke(picture.value);
    elapsedMs.push(monotonicMs() - startMs);
    const given = { data: outputOf(outputs, logits), spec: logits };
    const givenEmbedding = embedding && { data: outputOf(outputs, embedding), spec: embedding };
    const comparison = compareSample(answers, expected, given, givenEmbedding, rule, manifest.labels, exact);
    if (comparison.why) {
      const asked = exact ? 'equal bits' : `the tolerance for other kernels than ${rule.kernels}`;
      return failed(
        'golden-output',
        `golden sample ${input.id}: ${comparison.why} (${interpreter.backend}, ${asked})`,
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

/** The model's input for a sample; the pictures lie beside inputs.json. */
const inputOf = async (
  bundle: Bundle,
  input: GoldenInput,
  prepare: Prepare,
): Promise<Answer<Uint8Array, GoldenFault>> => {
  const about = `golden sample ${input.id}`;
  let picture: Uint8Array;
  if ('generator' in input) {
    picture = noisePicture(input, bundle.manifest.input);
  } else {
    const folder = bundle.manifest.golden.file.split('/').slice(0, -1);
    const path = [...folder, input.file].join('/');
    const file = await readBounded(bundle.folder, path, LIMITS.goldenBytes).catch(
      (thrown: unknown) => thrown,
    );
    if (!(file instanceof Buffer)) {
      const reason = file instanceof FileMismatch ? file.message : `cannot be read (${messageOf(file)})`;
      return failed('golden-picture', `${about}: ${path} ${reason}; install the bundle again`);
    }
    if (sha256Of(file) !== input.fileSha256) {
      return failed(
        'golden-picture',
        `${about}: ${path} is not the file that it was; install the bundle again`,
      );
    }
    try {
      picture = await prepare(file);
    } catch (thrown) {
      return failed('golden-input', `${about}: ${path} cannot be prepared (${messageOf(thrown)})`);
    }
  }
  const found = sha256Of(picture);
  if (found === input.inputSha256) return done(picture);
  return failed(
    'golden-input',
    `${about}: the model's input has the sha256 ${found}, training had ${input.inputSha256}; ` +
      'decoding or resizing differs on this machine',
  );
};
