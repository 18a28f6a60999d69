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
 * and their logits differ by more than a runtime may be wrong.
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
  /** Labels that no sample clearly has. */
  readonly unshown: readonly string[];
  /** Samples whose expected top label is clear, so that all kernels must find it. */
  readonly clear: number;
  /** The highest confidence of a sample, after the bundle's calibration. */
  readonly maxConfidence: number;
}

/** Measures what the golden samples of a runtime prove. @throws BundleError */
export const goldenCoverage = async (bundle: Bundle, runtime: BundleRuntime): Promise<GoldenCoverage> => {
  const { labels, runtimes, calibration } = bundle.manifest;
  const { outputs } = await readAnswers(bundle, runtime);
  const clearMargin = runtimes[runtime]?.golden.clearMargin ?? 0;
  const clear = outputs.expected.filter(({ margin }) => margin > clearMargin);
  const shown = new Set(clear.map(({ top }) => top));
  const confidences = outputs.expected.map((expected) =>
    Math.max(...softmax(realLogits(expected, outputs), calibration.temperature)),
  );
  return {
    hasLabels: outputs.labels !== undefined,
    unshown: labels.filter((label) => !shown.has(label)),
    clear: clear.length,
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

/** A runtime with constant outputs would pass if the logits of each sample are the same within the tolerance. */
const meaningless = (outputs: GoldenOutputs, tolerance: number): string | null => {
  const spread = (logits: readonly number[]) => Math.max(...logits) - Math.min(...logits);
  return outputs.expected.some((expected) => spread(realLogits(expected, outputs)) > tolerance)
    ? null
    : `the logits of each sample are equal within maxLogitDifference ${tolerance}, so that they prove nothing`;
};

const realLogits = ({ logits }: ExpectedOutput, { logits: { scale, zeroPoint } }: GoldenOutputs): number[] =>
  logits.map((value) => scale * (value - zeroPoint));
