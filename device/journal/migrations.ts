import { randomUUID } from 'node:crypto';
import { closeSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import { syncPath } from '../kit/durable-file.js';
import { messageOf } from '../kit/errors.js';
import { type Database, isDamage, pragma, transaction, unreadable } from './database.js';

/** `stage`: begun (no outcome yet), pending (finished, in the outbox), settled (finished, no longer in the outbox). */
const VERSION_1 = `
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

/** `run`: the run of the daemon that began a row or a command. Rows of version 1 have none: they are of an earlier run. */
const VERSION_2 = `
  alter table counters add column epoch text not null default '';
  alter table rows add column run text;
  alter table frames add column format text;
  create table labels (
    row integer primary key,
    event integer not null references rows (row) on delete cascade,
    label text,
    source text not null,
    at text not null
  ) strict;
  create index labels_by_event on labels (event);
  create table commands (
    row integer primary key,
    id text not null unique,
    run text not null,
    command text not null,
    request text not null,
    answer text
  ) strict;
`;

const toVersion2 = (db: Database): void => {
  const epoch = randomUUID();
  db.exec(VERSION_2);
  db.prepare('update counters set epoch = ?').run(epoch);
  // A body that is not JSON would stop the migration, and with it the bin, for good.
  db.prepare(`update rows set body = json_set(body, '$.epoch', ?)
    where seq is not null and json_valid(body)`).run(epoch);
};

/** The events of the outbox that the broker has refused for good. */
const VERSION_3 = `
  create table undeliverable (
    row integer primary key references rows (row) on delete cascade,
    reason text not null,
    at text not null
  ) strict;
  create trigger forget_undeliverable after update of stage on rows when new.stage = 'settled'
    begin delete from undeliverable where row = new.row; end;
`;

/** The states of parts of the program, by name. They outlive a restart. */
const VERSION_4 = `
  create table states (
    name text primary key,
    body text not null
  ) strict;
`;

/** Numbers by name, which outlive the events that they count. */
const VERSION_5 = `
  create table totals (
    name text primary key,
    value real not null
  ) strict;
`;

/** Migration n, counted from 1, turns version n - 1 into version n. Version 0 is an empty database. */
const MIGRATIONS: readonly ((db: Database) => void)[] = [
  (db) => db.exec(VERSION_1),
  toVersion2,
  (db) => db.exec(VERSION_3),
  (db) => db.exec(VERSION_4),
  (db) => db.exec(VERSION_5),
];

/**
 * Brings a database to the newest version, each migration in one transaction. Before it changes an existing journal, it
 * keeps a copy beside it, for example `journal.db.v1`.
 * @throws JournalError `journal-unreadable`, or the error of SQLite
 */
export const migrate = (db: Database, path: string): void => {
  const newest = MIGRATIONS.length;
  const version = Number(pragma(db, 'user_version'));
  if (version > newest) {
    throw unreadable(path, `schema version ${version} is not supported (at most ${newest})`, 'newer');
  }
  if (!isJournal(db, version)) throw unreadable(path, 'the database belongs to another program', 'foreign');
  if (version > 0 && version < newest) keepCopy(db, path, version);
  for (const [index, run] of [...MIGRATIONS.entries()].slice(version)) {
    transaction(db, () => {
      run(db);
      db.exec(`pragma user_version = ${index + 1}`);
    });
  }
};

/** Returns whether a journal of this version can be read without a migration. */
export const isSupported = (version: number): boolean => version === MIGRATIONS.length;

const isJournal = (db: Database, version: number): boolean => {
  const { tables, counters } = db
    .prepare(`select count(*) as tables, total(name = 'counters') as counters from sqlite_schema`)
    .get() as { tables: number; counters: number };
  return version === 0 ? tables === 0 : counters > 0;
};

/** Copies the database before its migration. An earlier copy is replaced only by one with as many events. */
const keepCopy = (db: Database, path: string, version: number): void => {
  const copy = `${path}.v${version}`;
  const temporary = `${copy}.tmp`;
  if (lastSeqOf(copy, version) >= (db.prepare('select seq from counters').get() as { seq: number }).seq)
    return;
  try {
    rmSync(temporary, { force: true });
    // The copy keeps the mode of this empty file.
    closeSync(openSync(temporary, 'wx', 0o600));
    db.prepare('vacuum into ?').run(temporary);
    syncFile(temporary);
    renameSync(temporary, copy);
    syncPath(dirname(path));
  } catch (error) {
    if (isDamage(error)) throw error;
    const problem = `its copy ${copy}, made before the migration, cannot be written (${messageOf(error)})`;
    throw unreadable(path, problem, 'space', error);
  }
};

/** Returns the last number in a copy of this version; -1 if there is no such copy. */
const lastSeqOf = (copy: string, version: number): number => {
  let db: Database | undefined;
  try {
    db = new DatabaseSync(copy, { readOnly: true });
    if (Number(pragma(db, 'user_version')) !== version) return -1;
    return (db.prepare('select seq from counters').get() as { seq: number }).seq;
  } catch {
    return -1;
  } finally {
    db?.close();
  }
};

const syncFile = (path: string): void => {
  const handle = openSync(path, 'r+');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
};
