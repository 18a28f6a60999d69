import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { pino } from 'pino';
import { messageOf, SortbinError } from '../../kit/errors.js';
import { escapeControls, plainJson } from '../../kit/plain-text.js';
import { RUNTIMES, type RuntimeName } from '../../perception/inference/runtimes.js';
import { wireBench } from '../../wire/bench.js';
import { renderReport } from '../bench/render.js';
import { renderThresholds } from '../bench/render-thresholds.js';
import { thresholdTable } from '../bench/thresholds.js';
import { benchImages } from './bench-run.js';
import { CONFIG_OPTION } from './config-option.js';
import { EXIT, InterruptedError } from './failure.js';
import { readConfig } from './loaded-config.js';
import { exitCodesHelp } from './report.js';
import { ThresholdChoice } from './threshold-choice.js';

interface BenchFlags {
  readonly json?: string;
  readonly runtime?: 'auto' | RuntimeName;
  readonly limit: number;
  readonly thresholds?: boolean;
  readonly margin?: number;
  readonly setConfidence?: number;
  readonly config?: string;
}

/** Exit codes of a program that a signal has ended, as in a shell. */
const SIGNAL_EXIT = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

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
    .option('--thresholds', 'print purity and coverage for values of policy.confidence instead of the report')
    .option('--margin <m>', 'policy.margin for this run, 0 to 1', parseShare)
    .option(
      '--set-confidence <c>',
      'print the same table, then write policy.confidence, and --margin if it is given, into the configuration',
      parseShare,
    )
    .option(...CONFIG_OPTION)
    .addHelpText(
      'after',
      exitCodesHelp({
        [EXIT.usage]: 'the value of --set-confidence would have no effect',
        [EXIT.data]: 'every image was skipped',
        [EXIT.input]: 'the folder has no images, or none with a label if labels are needed',
        [EXIT.cannotCreate]: 'the report or the configuration cannot be written',
        [SIGNAL_EXIT.SIGHUP]: 'ended because the terminal was closed; the report has "complete": false',
        [SIGNAL_EXIT.SIGINT]: 'interrupted by Ctrl-C; likewise',
        [SIGNAL_EXIT.SIGTERM]: 'ended by SIGTERM; likewise',
      }),
    )
    .action(bench);

async function bench(folder: string, flags: BenchFlags): Promise<void> {
  const { setConfidence: wanted } = flags;
  const loaded = await readConfig(flags.config);
  const choice = wanted === undefined ? null : new ThresholdChoice(loaded, wanted, flags.margin);
  await choice?.checkFile();
  const { vision, policy: configured } = loaded.config;
  const config = {
    ...loaded.config,
    policy: { ...configured, margin: flags.margin ?? configured.margin },
    vision: flags.runtime && vision.driver === 'child' ? { ...vision, runtime: flags.runtime } : vision,
  };
  // An unwritable file must fail now, not after an hour of work.
  if (flags.json && flags.json !== '-') await writeReport(flags.json, '', 'a');
  const needsLabels = flags.thresholds || choice !== null;
  const parts = await wireBench(
    { ...loaded, config, log: pino({ level: 'silent' }) },
    resolve(folder),
    flags.limit,
  );
  const { report, policy, labels } = await benchImages(parts, {
    needsLabels,
    check: (policy) => choice?.checkEffect(policy),
    signal: interruption(),
  });

  const table = needsLabels ? thresholdTable(report.items, policy, policy.confidence, wanted ?? null) : null;
  const json = escapeControls(
    `${JSON.stringify(table ? { ...report, thresholds: table } : report, null, 2)}\n`,
  );
  const shown = plainJson(report);
  if (flags.json === '-') process.stdout.write(json);
  else
    process.stdout.write(
      table
        ? renderThresholds(shown, table, labels, { margin: flags.margin, isWritten: choice !== null })
        : renderReport(shown, labels),
    );
  if (flags.json && flags.json !== '-') await writeReport(flags.json, json, 'w');

  if (!report.complete) return;
  if (report.items.length === 0)
    throw new SortbinError('pictures-unusable', 'No image could be classified: each one was skipped.');
  await choice?.save(policy);
}

/** Returns a signal that is aborted by Ctrl-C and the like, which also set the exit code. */
const interruption = (): AbortSignal => {
  const interrupted = new AbortController();
  for (const [name, code] of Object.entries(SIGNAL_EXIT))
    process.once(name, () => {
      process.exitCode = code;
      interrupted.abort(new InterruptedError());
    });
  return interrupted.signal;
};

const writeReport = (file: string, text: string, flag: 'a' | 'w'): Promise<void> =>
  writeFile(file, text, { flag }).catch((cause) => {
    throw new SortbinError(
      'report-unwritable',
      `--json ${file}: cannot be written (${messageOf(cause)}). Name a file in a writable folder.`,
      { cause },
    );
  });

function parseLimit(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1) throw new InvalidArgumentError('Use a whole number from 1 up.');
  return count;
}

function parseShare(text: string): number {
  const share = text.trim() === '' ? Number.NaN : Number(text);
  if (!(share >= 0 && share <= 1))
    throw new InvalidArgumentError('Use a number from 0 to 1, for example 0.85.');
  return share;
}
