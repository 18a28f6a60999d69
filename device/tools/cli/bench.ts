import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { SingleBar } from 'cli-progress';
import { Command, InvalidArgumentError, Option } from 'commander';
import { pino } from 'pino';
import { type Journalled, Runner } from '../../cycle/runner.js';
import { RUNTIMES, type RuntimeName } from '../../perception/inference/runtimes.js';
import type { LoadedConfig } from '../../wire/loaded-config.js';
import { wireBench } from '../../wire/wire.js';
import { runBench } from '../bench/bench.js';
import { renderReport } from '../bench/render.js';
import { type BenchReport, reportOn } from '../bench/report.js';
import { readConfig } from './loaded-config.js';

interface BenchFlags {
  readonly json?: string;
  readonly runtime?: 'auto' | RuntimeName;
  readonly limit: number;
  readonly config?: string;
}

export const benchCommand = (): Command =>
  new Command('bench')
    .description('send a folder of pictures through the cycle and report what came out')
    .argument('<folder>', 'pictures; the label of one is the name of its sub-folder, where that is a label')
    .option('--json <file>', 'write the report as JSON too; - for standard output, and nothing else there')
    .addOption(new Option('--runtime <name>', 'what executes the model').choices(['auto', ...RUNTIMES]))
    .option(
      '--limit <n>',
      'take n pictures only, dealt out over the labels',
      positive,
      Number.POSITIVE_INFINITY,
    )
    .option('-c, --config <file>', 'configuration (default: sortbin.yaml where there is one)')
    .action(async (folder: string, flags: BenchFlags) => {
      const read = await readConfig(flags.config);
      const { vision } = read.config;
      const config =
        flags.runtime && vision.driver === 'child'
          ? { ...read.config, vision: { ...vision, runtime: flags.runtime } }
          : read.config;
      const log = pino({ level: 'silent' });
      // Now, not after an hour of work: whether it can be written.
      if (flags.json && flags.json !== '-') await writeFile(flags.json, '', { flag: 'a' });
      const report = await bench({ ...read, config, log }, resolve(folder), flags.limit);
      if (flags.json === '-') process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
      else process.stdout.write(renderReport(report));
      if (flags.json && flags.json !== '-')
        await writeFile(flags.json, `${JSON.stringify(report, null, 2)}\n`);
    });

const bench = async (setting: LoadedConfig, folder: string, limit: number): Promise<BenchReport> => {
  const { parts, cycle, labels, pictures, show } = await wireBench(setting, folder, limit);
  const interrupted = new AbortController();
  process.once('SIGINT', () => interrupted.abort());
  const bar = progressBar(pictures.length);
  try {
    const served = await parts.vision.start();
    let settle: (journalled: Journalled) => void = () => {};
    const runner = new Runner(parts, cycle, { journalled: (journalled) => settle(journalled) });
    await runner.start();
    const next = () =>
      new Promise<Journalled>((resolveNext) => {
        settle = resolveNext;
        show();
      });
    bar.start(pictures.length, 0, { skipped: 0 });
    const progress = (done: number, skipped: number) => bar.update(done, { skipped });
    const run = await runBench({ next }, pictures, labels, progress, interrupted.signal);
    await runner.stop();
    return reportOn(run, served, cycle.policy);
  } finally {
    bar.stop();
    await parts.vision.close();
  }
};

/** On standard error, so that the report can be piped. */
const progressBar = (total: number): SingleBar =>
  new SingleBar({
    format: `{bar} {value}/{total}  {skipped} skipped  {eta_formatted} left`,
    barsize: 30,
    noTTYOutput: true,
    notTTYSchedule: total > 500 ? 10_000 : 60_000,
    stream: process.stderr,
    hideCursor: true,
  });

function positive(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1) throw new InvalidArgumentError('a whole number from 1 up');
  return count;
}
