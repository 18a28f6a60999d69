import { decide, type Policy } from '../../cycle/policy.js';
import type { BenchItem } from './bench.js';

/** The result of one value of `policy.confidence`. */
export interface ThresholdRow {
  readonly confidence: number;
  /** Whether the configuration, or the bundle, has this value. */
  readonly present: boolean;
  /** Items that are sorted. The others go to the fallback compartment. */
  readonly sorted: number;
  /** Sorted items in the right compartment. */
  readonly right: number;
  /** right / sorted */
  readonly purity: number | null;
  /** The 95 % interval of the purity (Wilson). */
  readonly purityInterval: readonly [low: number, high: number] | null;
  /** sorted / labelled items that are not refused */
  readonly coverage: number | null;
}

export interface ThresholdTable {
  readonly margin: number;
  /** Labelled items. */
  readonly items: number;
  /** Labelled items that are refused as hazards, with each value of the confidence. */
  readonly refused: number;
  readonly rows: readonly ThresholdRow[];
}

const CONFIDENCES = [0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.92, 0.94, 0.96, 0.97, 0.98, 0.99];

/**
 * Decides again on the labelled items of a run, with other values of `policy.confidence`. `present` is the value in use,
 * and `wanted` a value that gets a row too.
 */
export const thresholdTable = (
  items: readonly BenchItem[],
  policy: Policy,
  present: number,
  wanted: number | null,
): ThresholdTable => {
  const labelled = items.filter(({ label }) => label !== null);
  const decisions = (confidence: number) =>
    labelled.map((item) => ({
      item,
      decision: decide({ ...item, label: item.predicted }, { ...policy, confidence }),
    }));
  const refused = decisions(1).filter(({ decision }) => decision.compartment === null).length;
  const confidences = new Set([...CONFIDENCES, present, ...(wanted === null ? [] : [wanted])]);
  const rows = [...confidences]
    .sort((a, b) => a - b)
    .map((confidence): ThresholdRow => {
      const sorted = decisions(confidence).filter(({ decision }) => decision.reason === 'confident');
      const right = sorted.filter(
        ({ item, decision }) => policy.compartmentOf.get(item.label ?? '') === decision.compartment,
      ).length;
      return {
        confidence,
        present: confidence === present,
        sorted: sorted.length,
        right,
        purity: ratio(right, sorted.length),
        purityInterval: wilsonInterval(right, sorted.length),
        coverage: ratio(sorted.length, labelled.length - refused),
      };
    });
  return { margin: policy.margin, items: labelled.length, refused, rows };
};

/** Returns the 95 % interval of a share: E. B. Wilson, 1927. null: there are no items. */
export const wilsonInterval = (part: number, whole: number): readonly [number, number] | null => {
  if (whole === 0) return null;
  const z = 1.96;
  const share = part / whole;
  const centre = share + z ** 2 / (2 * whole);
  const spread = z * Math.sqrt((share * (1 - share)) / whole + z ** 2 / (4 * whole ** 2));
  const divisor = 1 + z ** 2 / whole;
  return [
    Number(Math.max(0, (centre - spread) / divisor).toFixed(4)),
    Number(Math.min(1, (centre + spread) / divisor).toFixed(4)),
  ];
};

const ratio = (part: number, whole: number): number | null =>
  whole === 0 ? null : Number((part / whole).toFixed(4));
