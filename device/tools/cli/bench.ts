import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { SingleBar } from 'cli-progress';
import { Command, InvalidArgumentError, Option } from 'commander';
import { pino } from 'pino';
import type { Journalled } from '../../cycle/observer.js';
import { Runner } from '../../cycle/runner.js';
import { RUNTIMES, type RuntimeName } from '../../perception/inference/runtimes.js';
import { wireBench } from '../../wire/bench.js';
import type { LoadedConfig } from '../../wire/loaded-config.js';
import { runBench } from '../bench/bench.js';
import { renderReport } from '../bench/render.js';
import { type BenchReport, reportOn } from '../bench/report.js';
import { CONFIG_OPTION, readConfig } from './loaded-config.js';

interface BenchFlags {
  readonly json?: string;
  readonly runtime?: 'auto' | RuntimeName;
  readonly limit: number;
  readonly config?: string;
}

export const benchCommand = (): Command =>
  new Command('bench')
    .description('run the sorting cycle over a folder of images and report the results')
    .argument('<folder>', 'folder of images; a sub-folder named like a label of the model labels its images')
    .option('--json <file>', 'also write the report as JSON; "-" prints only the JSON')
    .addOption(
      new Option('--runtime <name>', 'runtime that executes the model').choices(['auto', ...RUNTIMES]),
    )
    .addOption(
      new Option('--limit <n>', 'use only n images, taken from the labels in turn')
        .argParser(parseLimit)
        .default(Number.POSITIVE_INFINITY, 'all images'),
    )
    .option(...CONFIG_OPTION)
    .action(async (folder: string, flags: BenchFlags) => {
      const loaded = await readConfig(flags.config);
      const { vision } = loaded.config;
      const config =
        flags.runtime && vision.driver === 'child'
          ? { ...loaded.config, vision: { ...vision, runtime: flags.runtime } }
          : loaded.config;
      const log = pino({ level: 'silent' });
      // An unwritable file must fail now, not after an hour of work.
      if (flags.json && flags.json !== '-') await writeFile(flags.json, '', { flag: 'a' });
      const report = await bench({ ...loaded, config, log }, resolve(folder), flags.limit);
      if (flags.json === '-') process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
      else process.stdout.write(renderReport(report));
      if (flags.json && flags.json !== '-')
        await writeFile(flags.json, `${JSON.stringify(report, null, 2)}\n`);
    });

const bench = async (loaded: LoadedConfig, folder: string, limit: number): Promise<BenchReport> => {
  const { parts, cycle, images, show } = await wireBench(loaded, folder, limit);
  const { model } = parts;
  const interrupted = new AbortController();
  process.once('SIGINT', () => interrupted.abort());
  const bar = progressBar(images.length);
  try {
    await model.start(interrupted.signal);
    const { bundle, policy, info } = model.active;
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
    const run = await runBench({ next }, images, bundle.manifest.labels, progress, interrupted.signal);
    await runner.stop();
    return reportOn(run, info, policy);
  } finally {
    bar.stop();
    await model.stop();
  }
};

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

function parseLimit(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1) throw new InvalidArgumentError('Use a whole number from 1 up.');
  return count;
}
