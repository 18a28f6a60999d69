import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { DatabaseSync } from '@photostructure/sqlite';
import { openDatabase } from '../../device/journal/database.js';
import { SqliteJournal } from '../../device/journal/sqlite-journal.js';
import { Store } from '../../device/journal/store.js';
import { SystemClock } from '../../device/kit/clock.js';
import { rejectsAs } from '../contract/journal-contract.js';
import { journalOptions, openSqlite, temporaryFolder } from '../support/journal/journal-folder.js';

const assertRefused = (dataDir: string, message: RegExp) =>
  rejectsAs(
    new SqliteJournal({ ...journalOptions(dataDir), clock: new SystemClock() }).open(),
    'journal-unreadable',
    message,
  );

describe('opening the SQLite journal', () => {
  it('creates the data folder and its parents', async (t) => {
    const dataDir = join(temporaryFolder(t), 'var', 'lib', 'sortbin');
    const journal = await openSqlite(t, journalOptions(dataDir));
    assert.equal((await journal.finish('a', {})).seq, 1);
    await journal.close();
  });

  it('creates files that other users cannot read, and makes existing ones private', async (t) => {
    const dataDir = join(temporaryFolder(t), 'data');
    const files = ['journal.db', 'journal.db-shm', 'journal.db-wal', 'journal.lock', 'unrecorded.json'];
    const modes = () =>
      [...files, 'frames'].map((name) => (statSync(join(dataDir, name)).mode & 0o777).toString(8));
    const isPrivate = [...files.map(() => '600'), '700'];
    const journal = await openSqlite(t, journalOptions(dataDir));
    await journal.finish('a', {});
    assert.deepEqual(modes(), isPrivate);
    assert.equal(statSync(dataDir).mode & 0o007, 0);
    await journal.close();
    for (const name of ['journal.db', 'journal.lock']) chmodSync(join(dataDir, name), 0o644);
    chmodSync(join(dataDir, 'frames'), 0o755);
    const next = await openSqlite(t, journalOptions(dataDir));
    await next.finish('b', {});
    assert.deepEqual(modes(), isPrivate);
    await next.close();
  });

  it('refuses a data folder that cannot be created', async (t) => {
    const file = join(temporaryFolder(t), 'file');
    writeFileSync(file, '');
    await assertRefused(join(file, 'data'), /file\/data\/journal\.db: .*ENOTDIR.*user can write/);
  });

  it('refuses a folder instead of the database file, and a file instead of the frames folder', async (t) => {
    const dataDir = temporaryFolder(t);
    mkdirSync(join(dataDir, 'journal.db'));
    await assertRefused(dataDir, /journal\.db: it is not a regular file\. Make sure that the path is a file/);
    const other = temporaryFolder(t);
    writeFileSync(join(other, 'frames'), '');
    await assertRefused(other, /frames: it is not a folder\. Move it away/);
  });

  it('refuses a folder that another journal has locked, until that one is closed', async (t) => {
    const dataDir = temporaryFolder(t);
    const first = await openSqlite(t, journalOptions(dataDir));
    await assertRefused(
      dataDir,
      /(another process|process \d+) has locked this folder \(journal\.lock\)\. Stop it, or set a different `dataDir`\.$/,
    );
    await first.close();
    const second = await openSqlite(t, journalOptions(dataDir));
    assert.equal((await second.finish('a', {})).seq, 1);
  });

  it('refuses a newer schema and a database of another program', async (t) => {
    const dataDir = temporaryFolder(t);
    Store.open(journalOptions(dataDir)).close();
    const newer = new DatabaseSync(join(dataDir, 'journal.db'));
    newer.exec('pragma user_version = 7');
    newer.close();
    await assertRefused(
      dataDir,
      /schema version 7 is not supported \(at most 5\)\. Run the version that wrote it/,
    );

    const other = temporaryFolder(t);
    const foreign = new DatabaseSync(join(other, 'journal.db'));
    foreign.exec('create table bookmarks (url text)');
    foreign.close();
    await assertRefused(other, /the database belongs to another program\. Choose another data folder/);
    const numbered = new DatabaseSync(join(other, 'journal.db'));
    numbered.exec('pragma user_version = 1');
    numbered.close();
    await assertRefused(other, /the database belongs to another program\. Choose another data folder/);
    assert.deepEqual(
      readdirSync(other).filter((name) => /^damaged|\.v1$/.test(name)),
      [],
      'nothing was moved or copied',
    );
  });

  it('refuses a database that another program keeps locked, and does not move it', async (t) => {
    const dataDir = temporaryFolder(t);
    Store.open(journalOptions(dataDir)).close();
    const other = new DatabaseSync(join(dataDir, 'journal.db'));
    other.exec('begin immediate');
    await assertRefused(dataDir, /journal\.db: database is locked\. Stop the other program/);
    other.close();
    assert.deepEqual(
      readdirSync(dataDir).filter((name) => name.startsWith('damaged')),
      [],
    );
  });

  it('uses WAL and syncs every commit, each time it is opened', async (t) => {
    const dataDir = temporaryFolder(t);
    Store.open(journalOptions(dataDir)).close();
    const db = openDatabase(join(dataDir, 'journal.db'));
    const pragmaValue = (pragma: string) => Object.values(db.prepare(`pragma ${pragma}`).get() as object)[0];
    assert.equal(pragmaValue('journal_mode'), 'wal');
    assert.equal(pragmaValue('foreign_keys'), 1, 'labels are deleted with their event');
    assert.equal(pragmaValue('synchronous'), 2, '2 is FULL, a setting of the connection, not of the file');
    assert.ok(Number(pragmaValue('busy_timeout')) > 0);
    db.close();
  });
});
