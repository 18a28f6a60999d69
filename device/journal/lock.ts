import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import { JournalError } from './journal.js';

const FILE = 'journal.lock';

/**
 * Takes the folder for this process: SQLite's own lock on a file beside the journal, which the kernel gives back
 * when the process ends, however it ends. The returned function gives it back before.
 * @throws JournalError `journal-unreadable` where another process has it
 */
export const lockFolder = (dataDir: string): (() => void) => {
  const lock = new DatabaseSync(join(dataDir, FILE), { timeout: 0 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    lock.close();
    throw new JournalError(
      'journal-unreadable',
      `${dataDir}: another process holds this folder (${FILE}); stop it, or give this bin a dataDir of its own`,
      { cause },
    );
  }
  return () => lock.close();
};
