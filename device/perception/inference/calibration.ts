import { SortbinError } from '../../kit/errors.js';
import type { Manifest } from './bundle/manifest.js';
import type { TensorData, TensorSpec } from './interpreter.js';

/** The outputs of a model that cannot be interpreted. */
export class CalibrationError extends SortbinError<'output-invalid'> {
  override readonly name = 'CalibrationError';
}

/** Returns the real values of a tensor. @throws CalibrationError if a value is not finite */
export const dequantise = (data: TensorData, { name, scale, zeroPoint }: TensorSpec): number[] =>
  finite(
    Array.from(data, (value) => scale * (value - zeroPoint)),
    `output ${name}`,
  );

/** Returns the mean of the logits of several views, value by value. @throws CalibrationError */
export const meanOf = (views: readonly (readonly number[])[]): number[] => {
  const [first] = views;
  if (!first || views.some((view) => view.length !== first.length)) {
    throw new CalibrationError('output-invalid', 'logits: no view, or views of different lengths');
  }
  return first.map((_, index) => views.reduce((sum, view) => sum + (view[index] ?? 0), 0) / views.length);
};

/** Returns the softmax of logits / temperature: scores whose sum is 1. @throws CalibrationError */
export const softmax = (logits: readonly number[], temperature: number): number[] => {
  finite(logits, 'logits');
  const highest = Math.max(...logits);
  // Subtracting the highest logit prevents an overflow of exp() and does not change the result.
  const powers = logits.map((logit) => Math.exp((logit - highest) / temperature));
  const sum = powers.reduce((total, power) => total + power, 0);
  return finite(
    powers.map((power) => power / sum),
    'scores',
  );
};

type UnfamiliarRule = NonNullable<Manifest['calibration']['unfamiliar']>;

/**
 * Rates how unfamiliar (out of distribution) the image is, from the logits before temperature scaling. The score is
 * `energy` = -ln(sum(exp(logits))) or `max-logit` = -max(logits). `flag` is true above the bundle's threshold.
 * @throws CalibrationError if a logit is not finite
 */
export const unfamiliarity = (
  logits: readonly number[],
  rule: UnfamiliarRule,
): { readonly score: number; readonly flag: boolean } => {
  finite(logits, 'logits');
  const highest = Math.max(...logits);
  const score =
    rule.score === 'max-logit'
      ? -highest
      : -(highest + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - highest), 0)));
  return { score, flag: score > rule.threshold };
};

/** What a bin derives from the logits of an item. */
export interface ItemScores {
  readonly label: string;
  readonly confidence: number;
  /** A score for each label, in the order of the labels. */
  readonly scores: readonly number[];
  readonly unfamiliar: { readonly score: number; readonly flag: boolean } | null;
}

/** Rates an item from the logits of its views: mean, calibration and top label. @throws CalibrationError */
export const scoreItem = (
  { labels, calibration }: Manifest,
  perView: readonly (readonly number[])[],
): ItemScores => {
  const logits = meanOf(perView);
  const scores = softmax(logits, calibration.temperature);
  return {
    ...topLabel(labels, scores),
    scores,
    unfamiliar: calibration.unfamiliar && unfamiliarity(logits, calibration.unfamiliar),
  };
};

/** Returns the label with the highest score, or the first one of several equal ones. @throws CalibrationError */
export const topLabel = (
  labels: readonly string[],
  scores: readonly number[],
): { readonly label: string; readonly confidence: number } => {
  const confidence = Math.max(...scores);
  const label = labels[scores.indexOf(confidence)];
  if (labels.length !== scores.length || label === undefined) {
    throw new CalibrationError(
      'output-invalid',
      `scores: ${scores.length} values for ${labels.length} labels`,
    );
  }
  return { label, confidence };
};

const finite = <T extends readonly number[]>(values: T, what: string): T => {
  const index = values.findIndex((value) => !Number.isFinite(value));
  if (index >= 0 || values.length === 0) {
    const problem =
      values.length === 0 ? 'no values' : `value ${index} is ${values[index]}, not a finite number`;
    throw new CalibrationError('output-invalid', `${what}: ${problem}`);
  }
  return values;
};
