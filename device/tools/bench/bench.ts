import type { Journalled } from '../../cycle/observer.js';
import { folderOf, type UnknownLabel, unknownLabels } from './label-folders.js';

/** The result for one image. The names are those of the JSON report. */
export interface BenchItem {
  readonly file: string;
  /** The name of the folder, or null if the model has no such label. */
  readonly label: string | null;
  readonly predicted: string;
  readonly confidence: number;
  /** A score for each label. Their sum is 1. */
  readonly scores: Readonly<Record<string, number>>;
  /** How unfamiliar (out of distribution) the image is; null if the bundle has no rule for it. */
  readonly unfamiliar: { readonly score: number; readonly flag: boolean } | null;
  readonly decision: { readonly compartment: string | null; readonly reason: string };
  readonly latencyMs: Readonly<Record<string, number>>;
}

export interface SkippedImage {
  readonly file: string;
  readonly code: string;
  readonly why: string;
}

/** The sorting cycle under test. Each trigger captures the next image. */
export interface BenchCycle {
  /** Sorts the next image and returns its result. */
  next(): Promise<Journalled>;
}

export interface BenchRun {
  readonly items: readonly BenchItem[];
  readonly skipped: readonly SkippedImage[];
  /** Folders that are not named like a label of the model. */
  readonly unknownLabels: readonly UnknownLabel[];
  /** Whether each image was classified or skipped. */
  readonly complete: boolean;
}

/** Sorts the images one after the other, until the last one or until `signal` is aborted. */
export const runBench = async (
  cycle: BenchCycle,
  images: readonly string[],
  labels: readonly string[],
  progress: (done: number, skipped: number) => void,
  signal: AbortSignal,
): Promise<BenchRun> => {
  const items: BenchItem[] = [];
  const skipped: SkippedImage[] = [];
  for (const file of images) {
    if (signal.aborted) break;
    const { event, finished } = await cycle.next();
    const { classification } = finished.item;
    if (classification && event.decision)
      items.push({
        file,
        label: labelOf(file, labels),
        predicted: classification.label,
        confidence: event.decision.confidence ?? 0,
        scores: classification.scores,
        unfamiliar: classification.unfamiliar,
        decision: { compartment: event.decision.compartment, reason: event.decision.reason },
        latencyMs: event.timingsMs,
      });
    else
      skipped.push({
        file,
        code: event.fault?.code ?? event.outcome,
        why: event.fault?.message ?? event.outcome,
      });
    progress(items.length + skipped.length, skipped.length);
  }
  return {
    items,
    skipped,
    unknownLabels: unknownLabels(images, labels),
    complete: items.length + skipped.length === images.length,
  };
};

const labelOf = (file: string, labels: readonly string[]): string | null => {
  const folder = folderOf(file);
  return labels.includes(folder) ? folder : null;
};
