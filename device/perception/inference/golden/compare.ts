import type { Manifest } from '../bundle/manifest.js';
import { dequantise } from '../calibration.js';
import type { TensorData, TensorSpec } from '../interpreter.js';
import type { ExpectedOutput, GoldenOutputs } from './samples.js';

type Rule = NonNullable<Manifest['runtimes']['tflite']>['golden'];

/** An output of a runtime. */
export interface RuntimeOutput {
  readonly data: TensorData;
  readonly spec: TensorSpec;
}

export interface Comparison {
  /** What differs too much, as text; null if the sample passes. */
  readonly mismatch: string | null;
  readonly logitDifference: number;
  /** 1 if the bundle has no embedding. */
  readonly embeddingCosine: number;
}

/** Compares the outputs for one sample with the expected ones. `exact` requires bit-identical values. */
export const compareSample = (
  golden: GoldenOutputs,
  expected: ExpectedOutput,
  logits: RuntimeOutput,
  embedding: RuntimeOutput | null,
  rule: Rule,
  labels: readonly string[],
  exact: boolean,
): Comparison => {
  const foundLogits = dequantise(logits.data, logits.spec);
  const expectedLogits = real(expected.logits, golden.logits);
  const logitDifference = Math.max(
    ...foundLogits.map((logit, index) =>
      Math.abs(logit - (expectedLogits[index] ?? Number.POSITIVE_INFINITY)),
    ),
  );
  const pair =
    embedding && expected.embedding && golden.embedding
      ? { found: embedding, expected: expected.embedding, spec: golden.embedding }
      : null;
  const embeddingCosine = pair
    ? cosine(dequantise(pair.found.data, pair.found.spec), real(pair.expected, pair.spec))
    : 1;
  const mismatch = exact
    ? (unequal('logit', logits.data, expected.logits) ??
      (pair ? unequal('embedding value', pair.found.data, pair.expected) : null) ??
      wrongLabel(foundLogits, expected, labels))
    : ((expected.margin > rule.clearMargin ? wrongLabel(foundLogits, expected, labels) : null) ??
      outOfTolerance(logitDifference, embeddingCosine, rule));
  return { mismatch, logitDifference, embeddingCosine };
};

const wrongLabel = (
  logits: readonly number[],
  expected: ExpectedOutput,
  labels: readonly string[],
): string | null => {
  const top = labels[logits.indexOf(Math.max(...logits))];
  return top === expected.top
    ? null
    : `top label ${top}, expected ${expected.top} with a margin of ${expected.margin}`;
};

const outOfTolerance = (logitDifference: number, embeddingCosine: number, rule: Rule): string | null => {
  if (!(logitDifference <= rule.maxLogitDifference)) {
    return `a logit differs by ${logitDifference.toFixed(4)}, but at most ${rule.maxLogitDifference} is allowed`;
  }
  if (!(embeddingCosine >= rule.minEmbeddingCosine)) {
    return `cosine similarity of the embedding is ${embeddingCosine.toFixed(5)}, but at least ${rule.minEmbeddingCosine} is required`;
  }
  return null;
};

const unequal = (what: string, found: TensorData, expected: readonly number[]): string | null => {
  if (found.length !== expected.length) {
    return `${found.length} ${what}s, expected ${expected.length}`;
  }
  const wrong = expected.flatMap((value, index) => (found[index] === value ? [] : [index]));
  const [first] = wrong;
  if (first === undefined) return null;
  return `${what} ${first} is ${found[first]}, expected ${expected[first]} (${wrong.length} of ${found.length} differ)`;
};

const real = (values: readonly number[], { scale, zeroPoint }: { scale: number; zeroPoint: number }) =>
  values.map((value) => scale * (value - zeroPoint));

/** Returns NaN if the lengths differ or one vector is zero. NaN fails every comparison with a limit. */
const cosine = (a: readonly number[], b: readonly number[]): number => {
  if (a.length !== b.length) return Number.NaN;
  const dot = (x: readonly number[], y: readonly number[]) =>
    x.reduce((sum, value, index) => sum + value * (y[index] ?? 0), 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
};
