import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import { messageOf } from '../kit/errors.js';
import { JournalError } from './journal.js';

const FILE = 'journal.lock';

/**
 * Locks the data folder for this process, with SQLite's lock on a file beside the journal. The kernel releases the lock
 * when the process ends for any reason. The returned function releases it earlier.
 * @throws JournalError `journal-unreadable` if another process holds the lock, or the lock file cannot be used
 */
export const lockFolder = (dataDir: string): (() => void) => {
  const lock = new DatabaseSync(join(dataDir, FILE), { timeout: 0 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    lock.close();
    const problem = /locked|busy/.test(messageOf(cause))
      ? `another process has locked this folder (${FILE}). Stop it, or set a different \`dataDir\`.`
      : `this folder cannot be locked (${FILE}: ${messageOf(cause)}). Free some space, or remove this file.`;
    throw new JournalError('journal-unreadable', `${dataDir}: ${problem}`, { cause });
  }
  return () => lock.close();
};
