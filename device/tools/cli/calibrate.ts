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
import { EXIT, InterruptedError, reportError } from './failure.js';
import { CONFIG_OPTION, type CommandConfig, readConfig } from './loaded-config.js';

interface Flags {
  readonly config?: string;
  readonly json?: boolean;
}

const EXIT_OF: Readonly<Record<CalibrateErrorCode, number>> = {
  'calibrate-nothing': EXIT.configuration,
  'calibrate-no-terminal': EXIT.input,
  'calibrate-busy': EXIT.unavailable,
  'calibrate-line': EXIT.unavailable,
  'calibrate-file': EXIT.cannotCreate,
};

export const calibrateCommand = (): Command =>
  new Command('calibrate')
    .description('show the inputs and find the values of the gate, while the bin is stopped')
    .addCommand(
      new Command('levels')
        .description('show the level of each input as it changes, until q or Ctrl-C')
        .option(...CONFIG_OPTION)
        .option('--json', 'print one JSON line per change: {at, input, active, edges}')
        .action((flags: Flags) => withExitCode(levels(flags))),
    )
    .addCommand(
      new Command('gate')
        .description('move the gate while you hold a key, and save the values in the configuration')
        .option(...CONFIG_OPTION)
        .action((flags: Flags) => withExitCode(gate(flags))),
    );

const levels = async ({ config: file, json = false }: Flags): Promise<void> => {
  const loaded = await readConfig(file);
  const { stdin, stdout } = process;
  const stop = abortOnStop();
  const isLive = !json && stdin.isTTY && stdout.isTTY;
  await withLines(loaded, stop.signal, async (lines, clock) => {
    const screen = isLive ? terminalScreen(stdout) : plainScreen(stdout);
    const style = json ? 'json' : isLive ? 'live' : 'lines';
    const inputs = configuredInputs(loaded.config);
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
      'sortbin calibrate gate: no terminal. The gate moves while you hold a key. Run it on a terminal, or use ssh -t.',
    );
  const loaded = await readConfig(config);
  const screen = terminalScreen(stdout);
  const stop = abortOnStop();
  const keys = readKeys(stdin, stop.signal);
  try {
    const changes = await withLines(loaded, stop.signal, async (lines, clock) => {
      const opened = await openGate(loaded.config, lines, clock);
      screen.print(
        'Warning: the gate moves while you hold a key. Remove hands and tools, and close the lid.',
      );
      return calibrateGate({ ...opened, lines, keys, screen, clock });
    });
    // The source is a file here. The default configuration has a simulated gate, which `openGate` refuses.
    const file = loaded.source;
    const parse = (text: string) => parseConfig(text, file);
    await confirmAndSave({ changes, file, keys, screen, save: () => saveChanges({ file, changes, parse }) });
  } finally {
    await keys.return(undefined);
  }
};

/** Returns a controller that is aborted by a signal that ends the process, and when standard output is closed. */
const abortOnStop = (): AbortController => {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => stop.abort(new InterruptedError()));
  process.stdout.on('error', () => stop.abort(new InterruptedError()));
  return stop;
};

/**
 * Opens the lines while the bin is stopped. Afterwards it turns them off and releases them.
 * @throws SortbinError if the bin runs, or if the lines are unavailable; the signal's reason
 */
const withLines = async <T>(
  { config, folder }: CommandConfig,
  signal: AbortSignal,
  use: (lines: Lines, clock: Clock) => Promise<T>,
): Promise<T> => {
  const unlock = await lock(resolve(folder, config.dataDir));
  const clock = new SystemClock();
  // Without `outputsFile`, the bin's own list of outputs for sortbin-io --safe stays unchanged.
  const onDemand = new LinesOnDemand({ config, folder, clock, log: pino({ level: 'silent' }) }, signal);
  try {
    return await use(await onDemand.get(), clock);
  } finally {
    await onDemand.close();
    unlock();
  }
};

/**
 * Locks the data folder, so that the bin cannot start. Does nothing without a writable lock file: the bin has never run,
 * or it belongs to another user.
 */
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

/** Reports an error of `work`. A CalibrateError sets its own exit code. */
const withExitCode = async (work: Promise<void>): Promise<void> => {
  try {
    await work;
  } catch (thrown) {
    reportError(thrown);
    if (thrown instanceof CalibrateError) process.exitCode = EXIT_OF[thrown.code];
  }
};
