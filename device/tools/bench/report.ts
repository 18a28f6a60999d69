import type { Policy } from '../../cycle/policy.js';
import type { LeftOutFile } from '../../hardware/camera/left-out.js';
import type { ModelInfo, RuntimeInfo } from '../../perception/vision/vision.js';
import type { BenchItem, BenchRun, SkippedImage } from './bench.js';
import type { UnknownLabel } from './label-folders.js';
import type { ThresholdTable } from './thresholds.js';

export interface ClassFigures {
  readonly items: number;
  readonly right: number;
  readonly precision: number | null;
  readonly recall: number | null;
}

/** Counts of confident decisions. Other items of the compartment count as `unsure`. */
export interface CompartmentFigures {
  /** Images whose label belongs to the compartment. */
  readonly belong: number;
  readonly right: number;
  readonly wrong: number;
  readonly unsure: number;
  /** right / (right + wrong) */
  readonly purity: number | null;
  /** right / belong */
  readonly recall: number | null;
}

export interface Percentiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/** The report of --json. The format only gains keys. */
export interface BenchReport {
  readonly schema: 1;
  readonly model: ModelInfo;
  readonly runtime: RuntimeInfo;
  readonly items: readonly BenchItem[];
  readonly skipped: readonly SkippedImage[];
  /** false: the run was interrupted. The figures are those of the images before. */
  readonly complete: boolean;
  /** Files of the folder that were not used. */
  readonly leftOut: readonly LeftOutFile[];
  /** Folders that label no image, because no label of the model has this name. */
  readonly unknownLabels: readonly UnknownLabel[];
  /** Number of items with a label. Accuracy, purity, coverage and the tables count only these. */
  readonly labelled: number;
  readonly accuracy: number | null;
  readonly perClass: Readonly<Record<string, ClassFigures>>;
  /** True label -> predicted label -> count. Zeros are left out. */
  readonly confusion: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly compartments: Readonly<Record<string, CompartmentFigures>>;
  /** `right`: hazardous items. `wrong`: items that could have been sorted. */
  readonly refused: { readonly right: number; readonly wrong: number };
  /**
   * Over all compartments. Purity: correct items / items sorted with confidence. Coverage: items sorted with confidence /
   * items that were not refused. A model card has the same figures.
   */
  readonly overall: { readonly purity: number | null; readonly coverage: number | null };
  readonly reasons: Readonly<Record<string, number>>;
  readonly latencyMs: Readonly<Record<string, Percentiles>>;
  /** Only with --thresholds. */
  readonly thresholds?: ThresholdTable;
}

interface Labelled extends BenchItem {
  readonly label: string;
}

export const reportOn = (
  { items, skipped, complete, unknownLabels }: BenchRun,
  active: { readonly model: ModelInfo; readonly runtime: RuntimeInfo },
  policy: Policy,
  leftOut: readonly LeftOutFile[],
): BenchReport => {
  const labelled = items.filter((item): item is Labelled => item.label !== null);
  const compartments = compartmentFigures(labelled, policy);
  const right = sum(Object.values(compartments), ({ right }) => right);
  const wrong = sum(Object.values(compartments), ({ wrong }) => wrong);
  const refused = labelled.filter(({ decision }) => decision.compartment === null);
  const hazards = refused.filter(({ label }) => policy.refuse.has(label)).length;
  return {
    schema: 1,
    model: active.model,
    runtime: active.runtime,
    items,
    skipped,
    complete,
    leftOut,
    unknownLabels,
    labelled: labelled.length,
    accuracy: ratio(labelled.filter(isRight).length, labelled.length),
    perClass: perClass(labelled),
    confusion: confusion(labelled),
    compartments,
    refused: { right: hazards, wrong: refused.length - hazards },
    overall: {
      purity: ratio(right, right + wrong),
      coverage: ratio(right + wrong, labelled.length - refused.length),
    },
    reasons: tally(items.map(({ decision }) => decision.reason)),
    latencyMs: latencies(items),
  };
};

const isRight = ({ label, predicted }: Labelled): boolean => label === predicted;

const perClass = (items: readonly Labelled[]): Record<string, ClassFigures> =>
  Object.fromEntries(
    unique(items.flatMap(({ label, predicted }) => [label, predicted])).map((label) => {
      const labelled = items.filter((item) => item.label === label);
      const right = labelled.filter(isRight).length;
      const predicted = items.filter((item) => item.predicted === label).length;
      const figures = {
        items: labelled.length,
        right,
        precision: ratio(right, predicted),
        recall: ratio(right, labelled.length),
      };
      return [label, figures];
    }),
  );

const confusion = (items: readonly Labelled[]): Record<string, Record<string, number>> =>
  Object.fromEntries(
    unique(items.map(({ label }) => label)).map((label) => [
      label,
      tally(items.filter((item) => item.label === label).map(({ predicted }) => predicted)),
    ]),
  );

const compartmentFigures = (items: readonly Labelled[], policy: Policy): Record<string, CompartmentFigures> =>
  Object.fromEntries(
    unique([...policy.compartmentOf.values(), policy.fallback]).map((compartment) => {
      const inside = items.filter(({ decision }) => decision.compartment === compartment);
      const confident = inside.filter(({ decision }) => decision.reason === 'confident');
      const belongs = ({ label }: Labelled) => policy.compartmentOf.get(label) === compartment;
      const right = confident.filter(belongs).length;
      const belong = items.filter(belongs).length;
      const figures = {
        belong,
        right,
        wrong: confident.length - right,
        unsure: inside.length - confident.length,
        purity: ratio(right, confident.length),
        recall: ratio(right, belong),
      };
      return [compartment, figures];
    }),
  );

const latencies = (items: readonly BenchItem[]): Record<string, Percentiles> =>
  Object.fromEntries(
    unique(
      items.flatMap(({ latencyMs }) => Object.keys(latencyMs)),
      false,
    ).map((step) => [step, percentiles(items.flatMap(({ latencyMs }) => latencyMs[step] ?? []))]),
  );

/** Returns percentiles by the nearest-rank method. */
export const percentiles = (values: readonly number[]): Percentiles => {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
};

const ratio = (part: number, whole: number): number | null =>
  whole === 0 ? null : Number((part / whole).toFixed(4));

const sum = <T>(all: readonly T[], of: (one: T) => number): number =>
  all.reduce((total, one) => total + of(one), 0);

const unique = (names: readonly string[], sorted = true): string[] => {
  const once = [...new Set(names)];
  return sorted ? once.sort() : once;
};

const tally = (names: readonly string[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const name of [...names].sort()) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
};
