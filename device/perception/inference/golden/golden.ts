import { type Answer, done, failed } from '../../../kit/errors.js';
import type { Bundle } from '../bundle/bundle.js';
import type { BundleRuntime, Manifest } from '../bundle/manifest.js';
import { dequantise, scoreItem } from '../calibration.js';
import type { Interpreter } from '../interpreter.js';
import { logitsSpec, outputOf, outputSpec } from '../outputs.js';
import { readAnswers } from './answers.js';
import { compareSample } from './compare.js';
import { type GoldenInputFault, inputOf, type Prepare, type PreparedImage } from './inputs.js';
import type { ExpectedOutput } from './samples.js';

/** `golden-output`: the outputs of the kernels differ too much from the expected ones */
export type GoldenFault = GoldenInputFault | 'golden-output';

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

/**
 * Runs the bundle's golden samples: images with known outputs. They prove that this runtime gives correct outputs on
 * this machine. Stops at the first sample that fails. The images are also classified as items are, by all views.
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
  const { inputs, outputs: golden } = await readAnswers(bundle, runtime);
  const logits = logitsSpec(manifest, runtime, interpreter);
  const embedding = outputSpec(manifest, runtime, 'embedding', interpreter);
  const exact = rule.exact && rule.kernels === interpreter.backend;
  let logitDifference = 0;
  let embeddingCosine = 1;
  const elapsedMs: number[] = [];
  const byViews: ViewsResult[] = [];

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
    const outputs = await interpreter.invoke(image.value.whole);
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
    if ('file' in input && expected.margin > rule.clearMargin)
      byViews.push(await classifyViews(manifest, runtime, interpreter, image.value, expected));
  }
  const problem = byViews.find(({ problem }) => problem !== null);
  if (problem && byViews.every(({ problem }) => problem !== null))
    return failed(
      'golden-output',
      `manifest.json: views ${manifest.views.join(', ')}: each golden image fails. ${problem.problem} (${interpreter.backend})`,
    );
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

interface ViewsResult {
  /** Why the views of an image do not give its label. */
  readonly problem: string | null;
}

/**
 * Classifies a golden image as an item is classified. One image may change its label in the views, but not all of them.
 */
const classifyViews = async (
  manifest: Manifest,
  runtime: BundleRuntime,
  interpreter: Interpreter,
  { views }: PreparedImage,
  { id, top }: ExpectedOutput,
): Promise<ViewsResult> => {
  if (!views.ok) return { problem: `Golden sample ${id}: ${views.fault.message}` };
  const spec = logitsSpec(manifest, runtime, interpreter);
  const perView: number[][] = [];
  for (const view of views.value)
    perView.push(dequantise(outputOf(await interpreter.invoke(view), spec), spec));
  const { label } = scoreItem(manifest, perView);
  return { problem: label === top ? null : `Golden sample ${id}: top label ${label}, expected ${top}.` };
};
