import type { Manifest } from '../bundle/manifest.js';
import { dequantise } from '../calibration.js';
import type { TensorData, TensorSpec } from '../interpreter.js';
import type { GoldenAnswer, GoldenAnswers } from './samples.js';

type Rule = NonNullable<Manifest['runtimes']['tflite']>['golden'];

/** An output as a runtime gave it. */
export interface Given {
  readonly data: TensorData;
  readonly spec: TensorSpec;
}

export interface Comparison {
  /** What differs too much, in words; null where the sample is passed. */
  readonly why: string | null;
  readonly logitDifference: number;
  /** 1 where the bundle has no embedding. */
  readonly embeddingCosine: number;
}

/** Holds one sample's outputs against the expected ones; `exact` asks for equal bits. */
export const compareSample = (
  answers: GoldenAnswers,
  expected: GoldenAnswer,
  logits: Given,
  embedding: Given | null,
  rule: Rule,
  labels: readonly string[],
  exact: boolean,
): Comparison => {
  const given = dequantise(logits.data, logits.spec);
  const wanted = real(expected.logits, answers.logits);
  const logitDifference = Math.max(
    ...given.map((logit, index) => Math.abs(logit - (wanted[index] ?? Number.POSITIVE_INFINITY))),
  );
  const pair =
    embedding && expected.embedding && answers.embedding
      ? { given: embedding, expected: expected.embedding, spec: answers.embedding }
      : null;
  const embeddingCosine = pair
    ? cosine(dequantise(pair.given.data, pair.given.spec), real(pair.expected, pair.spec))
    : 1;
  const why = exact
    ? (unequal('logit', logits.data, expected.logits) ??
      (pair ? unequal('embedding value', pair.given.data, pair.expected) : null))
    : outOfTolerance(given, expected, labels, logitDifference, embeddingCosine, rule);
  return { why, logitDifference, embeddingCosine };
};

const outOfTolerance = (
  logits: readonly number[],
  expected: GoldenAnswer,
  labels: readonly string[],
  logitDifference: number,
  embeddingCosine: number,
  rule: Rule,
): string | null => {
  const top = labels[logits.indexOf(Math.max(...logits))];
  if (expected.margin > rule.clearMargin && top !== expected.top) {
    return `the top label is ${top}, expected ${expected.top} by a margin of ${expected.margin}`;
  }
  if (!(logitDifference <= rule.maxLogitDifference)) {
    return `a logit is off by ${logitDifference.toFixed(4)}; at most ${rule.maxLogitDifference} is allowed`;
  }
  if (!(embeddingCosine >= rule.minEmbeddingCosine)) {
    return `the embedding's cosine is ${embeddingCosine.toFixed(5)}; at least ${rule.minEmbeddingCosine} is asked for`;
  }
  return null;
};

const unequal = (what: string, given: TensorData, expected: readonly number[]): string | null => {
  if (given.length !== expected.length) {
    return `there are ${given.length} ${what}s, expected ${expected.length}`;
  }
  const wrong = expected.flatMap((value, index) => (given[index] === value ? [] : [index]));
  const [first] = wrong;
  if (first === undefined) return null;
  return `${what} ${first} is ${given[first]}, expected ${expected[first]} (${wrong.length} of ${given.length} differ)`;
};

const real = (values: readonly number[], { scale, zeroPoint }: { scale: number; zeroPoint: number }) =>
  values.map((value) => scale * (value - zeroPoint));

/** NaN where the lengths differ or one is all zero: that passes no bound. */
const cosine = (a: readonly number[], b: readonly number[]): number => {
  if (a.length !== b.length) return Number.NaN;
  const dot = (x: readonly number[], y: readonly number[]) =>
    x.reduce((sum, value, index) => sum + value * (y[index] ?? 0), 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
};
