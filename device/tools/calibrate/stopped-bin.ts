import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pino } from 'pino';
import type { Config } from '../../config/schema.js';
import { lockFolder } from '../../journal/lock.js';
import { type Clock, SystemClock } from '../../kit/clock.js';
import { LinesOnDemand } from '../../wire/lines.js';
import { busyError } from './calibrate.js';

export const silentLog = pino({ level: 'silent' });

/** A configuration, with the folder in which its relative paths are resolved. */
export interface StoppedBin {
  readonly config: Config;
  readonly folder: string;
}

/**
 * Calls `use` while the bin is stopped. The lines are opened at their first use. Afterwards they are off and released.
 * @throws SortbinError if the bin runs, or what `use` throws
 */
export const withLinesOnDemand = async <T>(
  { config, folder }: StoppedBin,
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
