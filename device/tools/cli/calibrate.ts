import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { pino } from 'pino';
import { parseConfig } from '../../config/load.js';
import type { Lines } from '../../hardware/lines/lines.js';
import { lockFolder } from '../../journal/lock.js';
import { type Clock, SystemClock } from '../../kit/clock.js';
import { LinesOnDemand } from '../../wire/lines.js';
import { busyError, CalibrateError, type CalibrateErrorCode, type Key } from '../calibrate/calibrate.js';
import { calibrateGate, openGate } from '../calibrate/gate-session.js';
import { configuredInputs } from '../calibrate/inputs.js';
import { watchLevels } from '../calibrate/levels.js';
import { confirmAndSave, saveChanges } from '../calibrate/save.js';
import { isQuitKey, plainScreen, readKeys, terminalScreen } from '../calibrate/terminal.js';
import type { Read } from './examinations.js';
import { EXIT, fail } from './failure.js';
import { readConfig } from './loaded-config.js';

interface Flags {
  readonly config?: string;
  readonly json?: boolean;
}

const CONFIG = ['-c, --config <file>', 'configuration (default: sortbin.yaml where there is one)'] as const;

const EXIT_OF: Readonly<Record<CalibrateErrorCode, number>> = {
  'calibrate-nothing': EXIT.configuration,
  'calibrate-no-terminal': EXIT.input,
  'calibrate-busy': EXIT.unavailable,
  'calibrate-line': EXIT.unavailable,
  'calibrate-file': EXIT.cannotCreate,
};

export const calibrateCommand = (): Command =>
  new Command('calibrate')
    .description('look at the inputs, and find the values of the gate, while the bin is stopped')
    .addCommand(
      new Command('levels')
        .description('show the level of each input as it changes, until q or Ctrl-C')
        .option(...CONFIG)
        .option('--json', 'print {at, input, active, edges}, one line a change')
        .action((flags: Flags) => saying(levels(flags))),
    )
    .addCommand(
      new Command('gate')
        .description('move the gate while a key is held, and put what is found into the configuration')
        .option(...CONFIG)
        .action((flags: Flags) => saying(gate(flags))),
    );

const levels = async ({ config: file, json = false }: Flags): Promise<void> => {
  const read = await readConfig(file);
  const { stdin, stdout } = process;
  const stop = stopping();
  const isLive = !json && stdin.isTTY && stdout.isTTY;
  await withLines(read, async (lines, clock) => {
    const screen = isLive ? terminalScreen(stdout) : plainScreen(stdout);
    const style = json ? 'json' : isLive ? 'live' : 'lines';
    const inputs = configuredInputs(read.config);
    await Promise.all([
      watchLevels({ inputs, lines, screen, style, clock }, stop.signal).finally(() => stop.abort()),
      isLive && untilQuit(readKeys(stdin, stop.signal)).finally(() => stop.abort()),
    ]);
  });
};

const untilQuit = async (keys: AsyncIterable<Key>): Promise<void> => {
  for await (const key of keys) if (isQuitKey(key)) return;
};

const gate = async ({ config }: Flags): Promise<void> => {
  const { stdin, stdout } = process;
  if (!stdin.isTTY || !stdout.isTTY)
    throw new CalibrateError(
      'calibrate-no-terminal',
      'sortbin calibrate gate moves while a key is held: run it on a terminal (with ssh -t from afar)',
    );
  const read = await readConfig(config);
  const screen = terminalScreen(stdout);
  const keys = readKeys(stdin, stopping().signal);
  try {
    const changes = await withLines(read, async (lines, clock) => {
      const opened = await openGate(read.config, lines, clock);
      screen.print('What you hold a key for moves: hands and tools out, lid shut.');
      return calibrateGate({ ...opened, lines, keys, screen, clock });
    });
    // A gate that moves stands in a file: the defaults have one of air.
    const file = read.source;
    const parse = (text: string) => parseConfig(text, file);
    await confirmAndSave({ changes, file, keys, screen, save: () => saveChanges({ file, changes, parse }) });
  } finally {
    await keys.return(undefined);
  }
};

/** Aborted by what isQuitKey a process from outside, and by the end of what is written to. */
const stopping = (): AbortController => {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort());
  process.stdout.on('error', () => stop.abort());
  return stop;
};

/** The lines, while the bin does not run; off and given back afterwards. @throws SortbinError where they cannot be had */
const withLines = async <T>(
  { config, folder }: Read,
  use: (lines: Lines, clock: Clock) => Promise<T>,
): Promise<T> => {
  const unlock = await lock(resolve(folder, config.dataDir));
  const clock = new SystemClock();
  // The bin's own list of its outputs, for sortbin-io --safe, is not touched.
  const onDemand = new LinesOnDemand({ config, folder, clock, log: pino({ level: 'silent' }) });
  try {
    return await use(await onDemand.get(), clock);
  } finally {
    await onDemand.close();
    unlock();
  }
};

/** Keeps the bin from being started meanwhile; one that never ran here has no lock, and where we may not write it is not ours. */
const lock = async (dataDir: string): Promise<() => void> => {
  try {
    await access(join(dataDir, 'journal.lock'), constants.W_OK);
  } catch {
    return () => {};
  }
  try {
    return lockFolder(dataDir);
  } catch (cause) {
    throw busyError(`the bin of ${dataDir} runs`, cause);
  }
};

/** Says what went wrong, with an exit code of its kind. */
const saying = async (work: Promise<void>): Promise<void> => {
  try {
    await work;
  } catch (thrown) {
    fail(thrown);
    if (thrown instanceof CalibrateError) process.exitCode = EXIT_OF[thrown.code];
  }
};
