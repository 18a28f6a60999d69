import { SortbinError } from '../../kit/errors.js';
import type { Manifest } from './bundle/manifest.js';
import type { TensorData, TensorSpec } from './interpreter.js';

/** Numbers of a model that nothing can be told from. */
export class CalibrationError extends SortbinError<'output-invalid'> {
  override readonly name = 'CalibrationError';
}

/** The real values of a tensor. @throws CalibrationError where one is not finite */
export const dequantise = (data: TensorData, { name, scale, zeroPoint }: TensorSpec): number[] =>
  finite(
    Array.from(data, (value) => scale * (value - zeroPoint)),
    `output ${name}`,
  );

/** The mean of several views' logits, value by value. */
export const meanOf = (views: readonly (readonly number[])[]): number[] => {
  const [first] = views;
  if (!first || views.some((view) => view.length !== first.length)) {
    throw new CalibrationError('output-invalid', 'the views must be one or more, with equally many logits');
  }
  return first.map((_, index) => views.reduce((sum, view) => sum + (view[index] ?? 0), 0) / views.length);
};

/** Softmax of logits / temperature: shares that add up to 1. @throws CalibrationError */
export const softmax = (logits: readonly number[], temperature: number): number[] => {
  finite(logits, 'the logits');
  const highest = Math.max(...logits);
  // Less the highest: exp() can't overflow then, and the shares are the same.
  const powers = logits.map((logit) => Math.exp((logit - highest) / temperature));
  const sum = powers.reduce((total, power) => total + power, 0);
  return finite(
    powers.map((power) => power / sum),
    'the scores',
  );
};

type UnfamiliarRule = NonNullable<Manifest['calibration']['unfamiliar']>;

/**
 * How unlike the training data the logits look, before any temperature: `energy` = -ln(sum(exp(logits))),
 * `max-logit` = -max(logits). Unfamiliar above the bundle's threshold.
 */
export const unfamiliarity = (
  logits: readonly number[],
  rule: UnfamiliarRule,
): { readonly score: number; readonly flag: boolean } => {
  finite(logits, 'the logits');
  const highest = Math.max(...logits);
  const score =
    rule.score === 'max-logit'
      ? -highest
      : -(highest + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - highest), 0)));
  return { score, flag: score > rule.threshold };
};

/** The label with the highest score; of equals the first. */
export const topLabel = (
  labels: readonly string[],
  scores: readonly number[],
): { readonly label: string; readonly confidence: number } => {
  const confidence = Math.max(...scores);
  const label = labels[scores.indexOf(confidence)];
  if (labels.length !== scores.length || label === undefined) {
    throw new CalibrationError('output-invalid', `${labels.length} labels, but ${scores.length} scores`);
  }
  return { label, confidence };
};

const finite = <T extends readonly number[]>(values: T, what: string): T => {
  const index = values.findIndex((value) => !Number.isFinite(value));
  if (index >= 0 || values.length === 0) {
    const found = values.length === 0 ? 'empty' : `${values[index]} at ${index}`;
    throw new CalibrationError('output-invalid', `${what} must be finite numbers; found ${found}`);
  }
  return values;
};
