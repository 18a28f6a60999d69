import { DatabaseSync, type DatabaseSyncInstance } from '@photostructure/sqlite';
import { messageOf } from '../kit/errors.js';
import { JournalError } from './journal.js';

export type Database = DatabaseSyncInstance;

/** `stage`: begun (no outcome yet), pending (finished, in the outbox), settled (finished, left the outbox). */
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

/** How long a write waits for a lock that another program holds, such as a backup. */
const BUSY_TIMEOUT_MS = 2_000;
/** The WAL file shrinks to this after a checkpoint. */
const MAX_IDLE_WAL_BYTES = 4 * 1024 * 1024;
const PAGE_CACHE_KIB = 1_024;

const CURES = {
  place: 'it has to be a file, or not there yet, in a folder that this user can write',
  damaged: 'move the file aside and start again: a new one is made, which numbers from 1',
  locked: 'end the other program that has it open',
  newer: 'run the version that wrote it, or move the file aside',
  foreign: 'choose another data folder, or move the file aside',
  noWal: 'put the data folder on a local disk',
} as const;

/** A refusal to open, with what to do about it. */
export const unreadable = (path: string, reason: string, cure: keyof typeof CURES, cause?: unknown) =>
  new JournalError('journal-unreadable', `journal ${path}: ${reason}; ${CURES[cure]}`, { cause });

/**
 * Opens the journal's database, or makes it: WAL, every commit synced, whole, and of a schema that this version knows.
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

/** What was thrown while the journal was being opened, as a refusal to open. */
export const asUnreadable = (path: string, thrown: unknown): JournalError =>
  thrown instanceof JournalError ? thrown : unreadable(path, messageOf(thrown), cureOf(thrown), thrown);

/** All or nothing: what `work` wrote is on disk when this returns, and undone when it throws. */
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
  if (mode !== 'wal') throw unreadable(path, `its journal mode is ${mode}, not WAL`, 'noWal');
  // Not stored in the file: without it a commit in WAL mode may be lost in a power cut.
  db.exec('pragma synchronous = full');
  db.exec(`pragma journal_size_limit = ${MAX_IDLE_WAL_BYTES}`);
  db.exec(`pragma cache_size = -${PAGE_CACHE_KIB}`);
};

const check = (db: Database, path: string): void => {
  const answer = String(pragma(db, 'quick_check(1)'));
  if (answer !== 'ok') throw unreadable(path, `it is damaged (${answer.replace(/\s+/g, ' ')})`, 'damaged');
};

const migrate = (db: Database, path: string): void =>
  transaction(db, () => {
    const version = Number(pragma(db, 'user_version'));
    if (version === SCHEMA_VERSION) return;
    if (version > SCHEMA_VERSION) {
      throw unreadable(path, `its schema is ${version}, and this version knows ${SCHEMA_VERSION}`, 'newer');
    }
    const { tables } = db.prepare('select count(*) as tables from sqlite_schema').get() as { tables: number };
    if (tables > 0) throw unreadable(path, 'it is a database of another program', 'foreign');
    db.exec(SCHEMA);
    db.exec(`pragma user_version = ${SCHEMA_VERSION}`);
  });

const pragma = (db: Database, text: string): unknown =>
  Object.values(db.prepare(`pragma ${text}`).get() as object)[0];

/** By SQLite's primary result code: 1 no such table, 5 busy, 6 locked, 11 corrupt, 26 not a database. */
const cureOf = (error: unknown): keyof typeof CURES => {
  const code = error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : 0;
  if (code === 1) return 'foreign';
  if (code === 11 || code === 26) return 'damaged';
  return code === 5 || code === 6 ? 'locked' : 'place';
};
