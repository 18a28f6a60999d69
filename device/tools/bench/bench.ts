import { basename, dirname } from 'node:path';
import type { Journalled } from '../../cycle/runner.js';

/** What became of one picture. Names as in the JSON report. */
export interface BenchItem {
  readonly file: string;
  /** What the folder says that it is; null where its name is no label of the model. */
  readonly label: string | null;
  readonly predicted: string;
  readonly confidence: number;
  /** Of every label; they add up to 1. */
  readonly scores: Readonly<Record<string, number>>;
  readonly decision: { readonly compartment: string | null; readonly reason: string };
  readonly latencyMs: Readonly<Record<string, number>>;
}

export interface SkippedImage {
  readonly file: string;
  readonly code: string;
  readonly why: string;
}

/** The cycle that the pictures are sent through: one picture before the camera at each trigger, in order. */
export interface BenchCycle {
  /** The next picture is there; resolves with what became of it. */
  next(): Promise<Journalled>;
}

export interface BenchRun {
  readonly items: readonly BenchItem[];
  readonly skipped: readonly SkippedImage[];
}

/** Sends the pictures through the cycle, one after the other, until the last one or until `signal` is aborted. */
export const runBench = async (
  cycle: BenchCycle,
  pictures: readonly string[],
  labels: readonly string[],
  progress: (done: number, skipped: number) => void,
  signal: AbortSignal,
): Promise<BenchRun> => {
  const items: BenchItem[] = [];
  const skipped: SkippedImage[] = [];
  for (const file of pictures) {
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
  return { items, skipped };
};

const labelOf = (file: string, labels: readonly string[]): string | null => {
  const folder = basename(dirname(file));
  return labels.includes(folder) ? folder : null;
};
