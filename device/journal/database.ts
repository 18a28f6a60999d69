import { accessSync, closeSync, constants, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type DatabaseSyncInstance } from '@photostructure/sqlite';
import { messageOf } from '../kit/errors.js';
import { isDiskFull } from './disk-space.js';
import { JournalError } from './journal.js';

export type Database = DatabaseSyncInstance;

/** How thoroughly a database is checked when it is opened. The integrity check also compares the indexes. */
export type Check = 'quick_check' | 'integrity_check';

/** Maximum wait for a lock of another program, such as a backup, or a reader that opens the journal at the same time. */
export const BUSY_TIMEOUT_MS = 2_000;
/** Maximum size of the WAL file after a checkpoint. */
const MAX_IDLE_WAL_BYTES = 4 * 1024 * 1024;
const PAGE_CACHE_KIB = 1_024;

const FIXES = {
  place: 'Make sure that the path is a file, or does not exist yet, in a folder that this user can write.',
  space: 'Free some space on the disk and start again. The journal is unchanged.',
  readOnly: 'Make the folder writable for the user of the bin, or set another dataDir.',
  files: 'Raise the limit of open files, for example with "ulimit -n 1024".',
  damaged: 'Move the file aside and start again. The new journal numbers its events from 1.',
  damagedInUse: 'The bin moves it aside at its next start, and begins a new journal.',
  copy: 'Copy journal.db and journal.db-wal into a folder that you can write, and name it as dataDir.',
  otherUser: 'Run the command as the user of the bin, or as root.',
  locked: 'Stop the other program that has the file open.',
  otherVersion: 'Start the bin once with this version, or use the version that wrote the journal.',
  newer: 'Run the version that wrote it, or move the file aside.',
  foreign: 'Choose another data folder, or move the file aside.',
  framesFolder:
    'Move it away, so that the bin can create the folder. To keep the frames on another disk, set dataDir.',
  marker: 'Move it away. The bin creates the file.',
  noWal: 'Put the data folder on a local disk.',
} as const;

/** Returns the error of a journal that cannot be opened, with a fix. */
export const unreadable = (path: string, problem: string, fix: keyof typeof FIXES, cause?: unknown) =>
  new JournalError('journal-unreadable', `journal ${path}: ${problem}. ${FIXES[fix]}`, { cause });

/**
 * Converts an error from opening the journal into a JournalError. SQLite has one message for many causes, so the system is
 * asked for the cause.
 */
export const asUnreadable = (path: string, thrown: unknown): JournalError => {
  if (thrown instanceof JournalError) return thrown;
  const [problem, fix] = causeOf(dirname(path), thrown) ?? [messageOf(thrown), fixOf(thrown)];
  return unreadable(path, problem, fix, thrown);
};

/** Returns why no file can be opened or written in a folder. Undefined: the error has another cause. */
const causeOf = (folder: string, thrown: unknown): [problem: string, fix: keyof typeof FIXES] | undefined => {
  if (isDiskFull(thrown, folder)) return ['the disk is full', 'space'];
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  if (code !== 'ERR_SQLITE_ERROR' && code !== 'EMFILE' && code !== 'ENFILE') return undefined;
  if (isDamage(thrown)) return undefined;
  const refusal = refusalOf(() => accessSync(folder, constants.W_OK | constants.X_OK));
  if (refusal === 'EROFS') return ['the disk is read-only', 'readOnly'];
  if (refusal === 'EACCES') return [`the folder ${folder} is not writable for this user`, 'readOnly'];
  const limit = refusalOf(() => closeSync(openSync('/dev/null', 'r')));
  return limit === 'EMFILE' || limit === 'ENFILE' ? ['too many open files', 'files'] : undefined;
};

/** Returns the code of the error of the file system, or undefined if `work` succeeds. */
export const refusalOf = (work: () => void): string | undefined => {
  try {
    work();
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
};

/** A database whose check has failed. */
class DamagedDatabase extends Error {
  override readonly name = 'DamagedDatabase';
}

/** Returns whether an error means that the content of the database is damaged. */
export const isDamage = (thrown: unknown): boolean =>
  thrown instanceof DamagedDatabase || fixOf(thrown) === 'damaged';

/** SQLite would wait for a pipe or a device. @throws JournalError `journal-unreadable` if something else than a file exists */
export const checkRegularFile = (path: string): void => {
  const info = statSync(path, { throwIfNoEntry: false });
  if (info && !info.isFile()) throw unreadable(path, 'it is not a regular file', 'place');
};

/**
 * Opens a database, or creates an empty one, in WAL mode with every commit synced to disk. Checks its integrity.
 * @throws the error of SQLite, a JournalError, or an error that `isDamage` recognises
 */
export const openDatabase = (path: string, check: Check = 'quick_check'): Database => {
  checkRegularFile(path);
  const db = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
  try {
    configure(db, path);
    const result = String(pragma(db, `${check}(1)`));
    if (result !== 'ok') throw new DamagedDatabase(`${check}: ${result.replace(/\s+/g, ' ')}`);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
};

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

/** Runs a pragma and returns its first value. */
export const pragma = (db: Database, text: string): unknown =>
  Object.values(db.prepare(`pragma ${text}`).get() as object)[0];

const configure = (db: Database, path: string): void => {
  const mode = pragma(db, 'journal_mode = wal');
  if (mode !== 'wal') throw unreadable(path, `its journal mode is ${mode} instead of WAL`, 'noWal');
  // The file does not store this setting. Without it, a power cut may undo a commit in WAL mode.
  db.exec('pragma synchronous = full');
  db.exec('pragma foreign_keys = on');
  db.exec(`pragma journal_size_limit = ${MAX_IDLE_WAL_BYTES}`);
  db.exec(`pragma cache_size = -${PAGE_CACHE_KIB}`);
};

/** SQLite's primary result codes, and their messages. */
const CAUSES: readonly (readonly [code: number, message: RegExp, fix: keyof typeof FIXES])[] = [
  [1, /^no such (table|column)/, 'foreign'],
  [5, /^database is locked/, 'locked'],
  [6, /^database table is locked/, 'locked'],
  [11, /malformed/, 'damaged'],
  [13, /is full/, 'space'],
  [26, /not a database/, 'damaged'],
];

/** Selects a fix by the result code. The library adds no code to errors of queries: then the message counts. */
const fixOf = (error: unknown): keyof typeof FIXES => {
  if (!(error instanceof Error && 'code' in error && error.code === 'ERR_SQLITE_ERROR')) return 'place';
  const code = 'errcode' in error ? Number(error.errcode) & 0xff : undefined;
  const cause = CAUSES.find(([known, message]) => (code ? code === known : message.test(error.message)));
  return cause?.[2] ?? 'place';
};
