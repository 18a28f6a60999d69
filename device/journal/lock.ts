import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import { JournalError } from './journal.js';

const FILE = 'journal.lock';

/**
 * Locks the data folder for this process, with SQLite's lock on a file beside the journal. The kernel releases the lock
 * when the process ends for any reason. The returned function releases it earlier.
 * @throws JournalError `journal-unreadable` if another process holds the lock
 */
export const lockFolder = (dataDir: string): (() => void) => {
  const lock = new DatabaseSync(join(dataDir, FILE), { timeout: 0 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    lock.close();
    throw new JournalError(
      'journal-unreadable',
      `${dataDir}: another process has locked this folder (${FILE}). Stop it, or set a different \`dataDir\`.`,
      { cause },
    );
  }
  return () => lock.close();
};
