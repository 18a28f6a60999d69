import { DatabaseSync, type DatabaseSyncInstance } from '@photostructure/sqlite';
import { messageOf } from '../kit/errors.js';
import { JournalError } from './journal.js';

export type Database = DatabaseSyncInstance;

/** `stage`: begun (no outcome yet), pending (finished, in the outbox), settled (finished, no longer in the outbox). */
const SCHEMA = `
  create table rows (
    row integer primary key,
    id text not null unique,
    stage text not null check (stage in ('begun', 'pending', 'settled')),
    seq integer,
    body text not null
  ) strict;
  create index rows_by_stage on rows (stage, seq);
  create table counters (
    only integer primary key check (only = 1),
    seq integer not null,
    dropped integer not null
  ) strict;
  insert into counters values (1, 0, 0);
  create table frames (
    row integer primary key,
    id text not null unique,
    file text not null,
    bytes integer not null
  ) strict;
`;
const SCHEMA_VERSION = 1;

/** Maximum wait of a write for a lock of another program, such as a backup. */
const BUSY_TIMEOUT_MS = 2_000;
/** Maximum size of the WAL file after a checkpoint. */
const MAX_IDLE_WAL_BYTES = 4 * 1024 * 1024;
const PAGE_CACHE_KIB = 1_024;

const FIXES = {
  place: 'Make sure that the path is a file, or does not exist yet, in a folder that this user can write.',
  damaged: 'Move the file aside and start again. The new journal numbers its events from 1.',
  locked: 'Stop the other program that has the file open.',
  newer: 'Run the version that wrote it, or move the file aside.',
  foreign: 'Choose another data folder, or move the file aside.',
  noWal: 'Put the data folder on a local disk.',
} as const;

/** Returns the error of a journal that cannot be opened, with a fix. */
export const unreadable = (path: string, problem: string, fix: keyof typeof FIXES, cause?: unknown) =>
  new JournalError('journal-unreadable', `journal ${path}: ${problem}. ${FIXES[fix]}`, { cause });

/**
 * Opens the database of the journal, or creates it, in WAL mode with every commit synced to disk. Checks its integrity
 * and its schema version.
 * @throws JournalError `journal-unreadable`
 */
export const openDatabase = (path: string): Database => {
  let db: Database | undefined;
  try {
    db = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
    configure(db, path);
    check(db, path);
    migrate(db, path);
    return db;
  } catch (error) {
    db?.close();
    throw asUnreadable(path, error);
  }
};

/** Converts an error from opening the journal into a JournalError. */
export const asUnreadable = (path: string, thrown: unknown): JournalError =>
  thrown instanceof JournalError ? thrown : unreadable(path, messageOf(thrown), fixOf(thrown), thrown);

/** Runs `work` in a transaction. Its writes are on disk when this returns, and undone if it throws. */
export const transaction = <T>(db: Database, work: () => T): T => {
  db.exec('begin immediate');
  try {
    const result = work();
    db.exec('commit');
    return result;
  } catch (error) {
    if (db.isTransaction) db.exec('rollback');
    throw error;
  }
};

const configure = (db: Database, path: string): void => {
  const mode = pragma(db, 'journal_mode = wal');
  if (mode !== 'wal') throw unreadable(path, `its journal mode is ${mode} instead of WAL`, 'noWal');
  // The file does not store this setting. Without it, a power cut may undo a commit in WAL mode.
  db.exec('pragma synchronous = full');
  db.exec(`pragma journal_size_limit = ${MAX_IDLE_WAL_BYTES}`);
  db.exec(`pragma cache_size = -${PAGE_CACHE_KIB}`);
};

const check = (db: Database, path: string): void => {
  const result = String(pragma(db, 'quick_check(1)'));
  if (result !== 'ok') throw unreadable(path, `it is damaged (${result.replace(/\s+/g, ' ')})`, 'damaged');
};

const migrate = (db: Database, path: string): void =>
  transaction(db, () => {
    const version = Number(pragma(db, 'user_version'));
    if (version === SCHEMA_VERSION) return;
    if (version > SCHEMA_VERSION) {
      throw unreadable(
        path,
        `schema version ${version} is not supported (at most ${SCHEMA_VERSION})`,
        'newer',
      );
    }
    const { tables } = db.prepare('select count(*) as tables from sqlite_schema').get() as { tables: number };
    if (tables > 0) throw unreadable(path, 'the database belongs to another program', 'foreign');
    db.exec(SCHEMA);
    db.exec(`pragma user_version = ${SCHEMA_VERSION}`);
  });

const pragma = (db: Database, text: string): unknown =>
  Object.values(db.prepare(`pragma ${text}`).get() as object)[0];

/** Selects a fix by SQLite's primary result code: 1 no such table, 5 busy, 6 locked, 11 corrupt, 26 not a database. */
const fixOf = (error: unknown): keyof typeof FIXES => {
  const code = error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : 0;
  if (code === 1) return 'foreign';
  if (code === 11 || code === 26) return 'damaged';
  return code === 5 || code === 6 ? 'locked' : 'place';
};
