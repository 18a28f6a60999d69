import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { DatabaseSync } from '@photostructure/sqlite';
import { openDatabase } from '../../device/journal/database.js';
import { SqliteJournal } from '../../device/journal/sqlite-journal.js';
import { Store } from '../../device/journal/store.js';
import { rejectsAs } from '../contract/journal-contract.js';
import { journalOptions, openSqlite, temporaryFolder } from '../support/journal-folder.js';

const refused = (dataDir: string, reason: RegExp) =>
  rejectsAs(SqliteJournal.open(journalOptions(dataDir)), 'journal-unreadable', reason);

describe('opening the SQLite journal', () => {
  it('makes the data folder with all above it', async (t) => {
    const dataDir = join(temporaryFolder(t), 'var', 'lib', 'sortbin');
    const journal = await openSqlite(t, journalOptions(dataDir));
    assert.equal(await journal.finish('a', {}), 1);
    await journal.close();
  });

  it('refuses a folder that cannot be made', async (t) => {
    const file = join(temporaryFolder(t), 'file');
    writeFileSync(file, '');
    await refused(join(file, 'data'), /file\/data\/journal\.db: .*ENOTDIR.*user can write/);
  });

  it('refuses a folder in the place of the file, and a file in the place of the frames', async (t) => {
    const dataDir = temporaryFolder(t);
    mkdirSync(join(dataDir, 'journal.db'));
    await refused(dataDir, /journal\.db: .*unable to open.*has to be a file/);
    const other = temporaryFolder(t);
    writeFileSync(join(other, 'frames'), '');
    await refused(other, /journal\.db: .*EEXIST.*frames/);
  });

  it('refuses what is no database, and leaves it as it is', async (t) => {
    const dataDir = temporaryFolder(t);
    const path = join(dataDir, 'journal.db');
    writeFileSync(path, 'my diary\n'.repeat(1000));
    await refused(dataDir, /journal\.db: .*not a database; move the file aside/);
    assert.equal(readFileSync(path, 'utf8'), 'my diary\n'.repeat(1000));
  });

  it('refuses a folder that another bin works in, until that one has closed', async (t) => {
    const dataDir = temporaryFolder(t);
    const first = await openSqlite(t, journalOptions(dataDir));
    await refused(dataDir, /another process holds this folder.*dataDir of its own/);
    await first.close();
    const second = await openSqlite(t, journalOptions(dataDir));
    assert.equal(await second.finish('a', {}), 1);
  });

  it('refuses a damaged file', async (t) => {
    const dataDir = temporaryFolder(t);
    const path = join(dataDir, 'journal.db');
    const store = new Store(journalOptions(dataDir));
    for (let index = 0; index < 100; index += 1) store.finish(`row-${index}`, { text: 'x'.repeat(200) });
    store.close();
    const bytes = readFileSync(path);
    bytes.fill(0xa5, 4096, bytes.length);
    writeFileSync(path, bytes);
    await refused(dataDir, /journal\.db: .*(damaged|malformed).*; move the file aside/);
  });

  it('refuses a newer schema and a database of another program', async (t) => {
    const dataDir = temporaryFolder(t);
    new Store(journalOptions(dataDir)).close();
    const newer = new DatabaseSync(join(dataDir, 'journal.db'));
    newer.exec('pragma user_version = 7');
    newer.close();
    await refused(dataDir, /its schema is 7, and this version knows 1; run the version that wrote it/);

    const other = temporaryFolder(t);
    const foreign = new DatabaseSync(join(other, 'journal.db'));
    foreign.exec('create table bookmarks (url text)');
    foreign.close();
    await refused(other, /another program/);
  });

  it('has every commit synced into a WAL, at every opening', async (t) => {
    const dataDir = temporaryFolder(t);
    new Store(journalOptions(dataDir)).close();
    const db = openDatabase(join(dataDir, 'journal.db'));
    const answer = (pragma: string) => Object.values(db.prepare(`pragma ${pragma}`).get() as object)[0];
    assert.equal(answer('journal_mode'), 'wal');
    assert.equal(answer('synchronous'), 2, '2 is FULL; a setting of the connection, not of the file');
    assert.ok(Number(answer('busy_timeout')) > 0);
    db.close();
  });
});
