import { closeSync, openSync, statSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { DatabaseSync } from '@photostructure/sqlite';
import { messageOf } from '../kit/errors.js';
import {
  BUSY_TIMEOUT_MS,
  checkRegularFile,
  type Database,
  pragma,
  refusalOf,
  unreadable,
} from './database.js';

/** A database that is open for reading. */
export interface ReadOnlyDatabase {
  readonly db: Database;
  /** Whether it never shows a later change. */
  readonly isSnapshot: boolean;
}

/**
 * Opens an existing database for reading. SQLite needs helper files in its folder. If they cannot be created, opens the
 * file as one that does not change, unless its WAL file has events.
 * @throws JournalError `journal-unreadable`, or the error of SQLite
 */
export const openReadOnly = (path: string): ReadOnlyDatabase => {
  checkRegularFile(path);
  if (refusalOf(() => closeSync(openSync(path, 'r'))) === 'EACCES')
    throw unreadable(path, 'this user cannot read it', 'otherUser');
  try {
    return { db: openAndRead(path), isSnapshot: false };
  } catch (error) {
    if (!NO_HELPERS.test(messageOf(error))) throw error;
    if ((statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0) {
      const problem = 'the events in journal.db-wal can only be read if the folder can be written';
      throw unreadable(path, problem, 'copy', error);
    }
    return { db: openAndRead(`${pathToFileURL(path)}?immutable=1`), isSnapshot: true };
  }
};

/** The errors of SQLite if it cannot create its helper files. They have no code. */
const NO_HELPERS = /unable to open database file|readonly database/;

/** SQLite opens its helper files with the first read. */
const openAndRead = (location: string): Database => {
  const db = new DatabaseSync(location, { readOnly: true, timeout: BUSY_TIMEOUT_MS });
  try {
    pragma(db, 'user_version');
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
};
