import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pino } from 'pino';
import { lockFolder } from '../../journal/lock.js';
import { type Clock, SystemClock } from '../../kit/clock.js';
import { LinesOnDemand } from '../../wire/lines.js';
import { busyError, CalibrateError, type CalibrateErrorCode } from '../calibrate/calibrate.js';
import { EXIT, InterruptedError, reportError } from './failure.js';
import type { CommandConfig } from './loaded-config.js';

// What all commands of sortbin calibrate need.

export const silentLog = pino({ level: 'silent' });

const EXIT_OF: Readonly<Record<CalibrateErrorCode, number>> = {
  'calibrate-nothing': EXIT.configuration,
  'calibrate-no-terminal': EXIT.input,
  'calibrate-busy': EXIT.unavailable,
  'calibrate-line': EXIT.unavailable,
  'calibrate-camera': EXIT.unavailable,
  'calibrate-file': EXIT.cannotCreate,
};

/** Returns a controller that is aborted by a signal that ends the process, and when standard output is closed. */
export const abortOnStop = (): AbortController => {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => stop.abort(new InterruptedError()));
  process.stdout.on('error', () => stop.abort(new InterruptedError()));
  return stop;
};

/**
 * Calls `use` while the bin is stopped. The lines are opened at their first use. Afterwards they are off and released.
 * @throws SortbinError if the bin runs, or what `use` throws
 */
export const withLinesOnDemand = async <T>(
  { config, folder }: CommandConfig,
  signal: AbortSignal,
  use: (lines: LinesOnDemand, clock: Clock) => Promise<T>,
): Promise<T> => {
  const unlock = await lock(resolve(folder, config.dataDir));
  const clock = new SystemClock();
  // Without `outputsFile`, the bin's own list of outputs for sortbin-io --safe stays unchanged.
  const onDemand = new LinesOnDemand({ config, folder, clock, log: silentLog }, signal);
  try {
    return await use(onDemand, clock);
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
export const withExitCode = async (work: Promise<void>): Promise<void> => {
  try {
    await work;
  } catch (thrown) {
    reportError(thrown);
    if (thrown instanceof CalibrateError) process.exitCode = EXIT_OF[thrown.code];
  }
};
