import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import { messageOf } from '../kit/errors.js';
import { asUnreadable, checkRegularFile, type Database } from './database.js';
import { JournalError } from './journal.js';

const FILE = 'journal.lock';

/**
 * Locks the data folder for this process, with SQLite's lock on a file beside the journal. The kernel releases the lock
 * when the process ends for any reason. The returned function releases it earlier.
 * @throws JournalError `journal-unreadable` if another process holds the lock, or the lock file cannot be used
 */
export const lockFolder = (dataDir: string): (() => void) => {
  const path = join(dataDir, FILE);
  let lock: Database | undefined;
  checkRegularFile(path);
  try {
    lock = new DatabaseSync(path, { timeout: 0 });
    lock.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    lock?.close();
    if (!/locked|busy/.test(messageOf(cause))) throw asUnreadable(path, cause);
    throw new JournalError(
      'journal-unreadable',
      `${dataDir}: ${holderOf(path)} has locked this folder (${FILE}). Stop it, or set a different \`dataDir\`.`,
      { cause },
    );
  }
  return () => lock?.close();
};

/** Names the process that holds a lock on the file, if the kernel shows it. A container may hide it. */
const holderOf = (path: string): string => {
  try {
    const { dev, ino } = statSync(path);
    const [major, minor] = [(dev >> 8) & 0xfff, (dev & 0xff) | ((dev >> 12) & 0xfff00)];
    const device = [major, minor].map((number) => number.toString(16).padStart(2, '0')).join(':');
    const lock = readFileSync('/proc/locks', 'utf8')
      .split('\n')
      .find((line) => line.includes(' WRITE ') && line.includes(` ${device}:${ino} `));
    const pid = Number(lock?.trim().split(/\s+/)[4]);
    return pid > 0 ? `process ${pid}` : 'another process';
  } catch {
    return 'another process';
  }
};
