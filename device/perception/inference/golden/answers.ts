import { type Bundle, invalidBundle, parseBundleJson, readBundleFile } from '../bundle/bundle.js';
import type { FileDigest } from '../bundle/files.js';
import type { BundleRuntime, Manifest } from '../bundle/manifest.js';
import { softmax } from '../calibration.js';
import {
  type ExpectedOutput,
  type GoldenInput,
  type GoldenOutputs,
  goldenInputsSchema,
  goldenOutputsSchema,
} from './samples.js';

/** The golden samples of a runtime, with their expected outputs. */
export interface GoldenAnswers {
  readonly inputs: readonly GoldenInput[];
  readonly outputs: GoldenOutputs;
}

/**
 * Reads the golden samples of a runtime, and checks that they can prove anything: their labels are those of the manifest,
 * and a runtime whose output does not depend on its input would fail.
 * @throws BundleError
 */
export const readAnswers = async (bundle: Bundle, runtime: BundleRuntime): Promise<GoldenAnswers> => {
  const { manifest, folder } = bundle;
  const rule = manifest.runtimes[runtime]?.golden;
  if (!rule) throw new RangeError(`bundle ${manifest.name}: no model for ${runtime}`);
  const { inputs } = await readJson(bundle, manifest.golden, goldenInputsSchema);
  const all = await readJson(bundle, rule, goldenOutputsSchema);
  const ids = new Set(inputs.map(({ id }) => id));
  const outputs = { ...all, expected: all.expected.filter(({ id }) => ids.has(id)) };
  const problem =
    wrongOrder(outputs, manifest) ??
    wrongTop(outputs, manifest) ??
    meaningless(outputs, rule.maxLogitDifference);
  if (problem) throw invalidBundle(folder, `${rule.file}: ${problem}`);
  return { inputs, outputs };
};

/** What the golden samples of a runtime prove. */
export interface GoldenCoverage {
  /** Whether the expected outputs name the label of each logit. */
  readonly hasLabels: boolean;
  readonly samples: number;
  /** Labels that no sample clearly has. */
  readonly unshown: readonly string[];
  /** Samples whose expected top label is clear, so that all kernels must find it. */
  readonly clear: number;
  /** Samples whose logits differ so much that equal logits would fail. */
  readonly telling: number;
  /** The highest confidence of a sample, after the bundle's calibration. */
  readonly maxConfidence: number;
}

/** Measures what the golden samples of a runtime prove. @throws BundleError */
export const goldenCoverage = async (bundle: Bundle, runtime: BundleRuntime): Promise<GoldenCoverage> => {
  const { labels, runtimes, calibration } = bundle.manifest;
  const { outputs } = await readAnswers(bundle, runtime);
  const { clearMargin = 0, maxLogitDifference = 0 } = runtimes[runtime]?.golden ?? {};
  const clear = outputs.expected.filter(({ margin }) => margin > clearMargin);
  const shown = new Set(clear.map(({ top }) => top));
  const confidences = outputs.expected.map((expected) =>
    Math.max(...softmax(realLogits(expected, outputs), calibration.temperature)),
  );
  return {
    hasLabels: outputs.labels !== undefined,
    samples: outputs.expected.length,
    unshown: labels.filter((label) => !shown.has(label)),
    clear: clear.length,
    telling: allRealLogits(outputs).filter((logits) => spread(logits) > 2 * maxLogitDifference).length,
    maxConfidence: Math.max(...confidences),
  };
};

const readJson = async <S extends Parameters<typeof parseBundleJson>[3]>(
  bundle: Bundle,
  digest: FileDigest,
  schema: S,
) => parseBundleJson(bundle.folder, digest.file, await readBundleFile(bundle, digest), schema);

const wrongOrder = ({ labels: stated }: GoldenOutputs, { labels }: Manifest): string | null => {
  if (!stated) return null;
  if (stated.length !== labels.length)
    return `${stated.length} labels, but manifest.json has ${labels.length}`;
  const index = labels.findIndex((label, at) => label !== stated[at]);
  return index < 0 ? null : `logit ${index} is ${stated[index]}, but in manifest.json it is ${labels[index]}`;
};

const wrongTop = ({ expected }: GoldenOutputs, { labels }: Manifest): string | null => {
  for (const { id, top, logits } of expected) {
    const found = labels[logits.indexOf(Math.max(...logits))];
    if (found !== top)
      return `the highest logit of sample ${id} is ${top}, but in manifest.json this label is ${found}`;
  }
  return null;
};

/**
 * A value in the middle is within the tolerance of all values if their spread is at most twice the tolerance. Then a
 * runtime would pass whose logits are all equal, or which gives the same logits for each sample.
 */
const meaningless = (outputs: GoldenOutputs, tolerance: number): string | null => {
  const samples = allRealLogits(outputs);
  const differs = (values: readonly number[]) => spread(values) > 2 * tolerance;
  const why = (which: string) =>
    `${which} differ by at most twice maxLogitDifference ${tolerance}, so that they prove nothing`;
  if (!samples.some(differs)) return why('the logits of each sample');
  const isSame = samples[0]?.every((_, label) => !differs(samples.map((logits) => logits[label] ?? 0)));
  return samples.length > 1 && isSame ? why('the samples') : null;
};

const spread = (values: readonly number[]): number => Math.max(...values) - Math.min(...values);

const allRealLogits = (outputs: GoldenOutputs): number[][] =>
  outputs.expected.map((expected) => realLogits(expected, outputs));

const realLogits = ({ logits }: ExpectedOutput, { logits: { scale, zeroPoint } }: GoldenOutputs): number[] =>
  logits.map((value) => scale * (value - zeroPoint));
