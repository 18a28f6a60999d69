import { SingleBar } from 'cli-progress';
import type { Journalled } from '../../cycle/observer.js';
import type { Policy } from '../../cycle/policy.js';
import { Runner } from '../../cycle/runner.js';
import { SortbinError } from '../../kit/errors.js';
import type { WiredBench } from '../../wire/bench.js';
import { runBench } from '../bench/bench.js';
import { folderOf } from '../bench/label-folders.js';
import { type BenchReport, reportOn } from '../bench/report.js';

/** The report of a run, the policy that it used, and the labels of the model. */
export interface BenchResult {
  readonly report: BenchReport;
  readonly policy: Policy;
  readonly labels: readonly string[];
}

export interface BenchOptions {
  readonly needsLabels: boolean;
  /** Called before the first image. Throws if the run would be useless with this policy. */
  readonly check: (policy: Policy) => void;
  readonly signal: AbortSignal;
}

/**
 * Sorts the images. If `signal` is aborted, the report has the results so far.
 * @throws SortbinError `pictures-unlabelled` if labels are needed and no folder has one
 * @throws the signal's reason if it is aborted before the first image
 */
export const benchImages = async (
  { parts, cycle, images, leftOut, show }: WiredBench,
  { needsLabels, check, signal }: BenchOptions,
): Promise<BenchResult> => {
  const { model } = parts;
  const bar = progressBar(images.length);
  try {
    await model.start(signal);
    const { bundle, policy, info } = model.active;
    const { labels } = bundle.manifest;
    if (needsLabels && !images.some((file) => labels.includes(folderOf(file)))) throw unlabelled(labels);
    check(policy);
    let settle: (journalled: Journalled) => void = () => {};
    const runner = new Runner(parts, cycle, {
      event: (event, finished) => finished && settle({ event, finished }),
    });
    await runner.start();
    const next = () =>
      new Promise<Journalled>((resolveNext) => {
        settle = resolveNext;
        show();
      });
    bar.start(images.length, 0, { skipped: 0 });
    const progress = (done: number, skipped: number) => bar.update(done, { skipped });
    const run = await runBench({ next }, images, labels, progress, signal);
    await runner.stop();
    return { report: reportOn(run, info, policy, leftOut), policy, labels };
  } finally {
    bar.stop();
    await model.stop();
  }
};

const unlabelled = (labels: readonly string[]): SortbinError =>
  new SortbinError(
    'pictures-unlabelled',
    'No folder of images is named like a label of the model, so that right and wrong items cannot be counted. ' +
      `Put the images into sub-folders named ${labels.join(', ')}.`,
  );

/** Returns a progress bar on standard error, so that the report can be piped. */
const progressBar = (total: number): SingleBar =>
  new SingleBar({
    format: `{bar} {value}/{total}  {skipped} skipped  {eta_formatted} left`,
    barsize: 30,
    noTTYOutput: true,
    notTTYSchedule: total > 500 ? 10_000 : 60_000,
    stream: process.stderr,
    hideCursor: true,
  });
