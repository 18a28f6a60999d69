import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { DatabaseSync } from '@photostructure/sqlite';
import { JournalReader, type StoredEvent } from '../../device/journal/journal-reader.js';
import { Store } from '../../device/journal/store.js';
import { journalOptions, openSqlite, temporaryFolder } from '../support/journal/journal-folder.js';

const ids = (events: readonly StoredEvent[]) => events.map(({ body }) => (body as { id: string }).id);

/** Calls `work` while the folder cannot be written. Root could write it, and becomes another user. */
const asOrdinaryUser = (folder: string, work: () => void): void => {
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) execFileSync('chown', ['-R', '65534', folder]);
  chmodSync(folder, 0o555);
  if (isRoot) process.seteuid?.(65534);
  try {
    work();
  } finally {
    if (isRoot) process.seteuid?.(0);
    chmodSync(folder, 0o755);
  }
};

describe('JournalReader', () => {
  it('reads the events of a journal that is in use, and sees new ones', async (t) => {
    const dataDir = temporaryFolder(t);
    const journal = await openSqlite(t, journalOptions(dataDir));
    for (const id of ['a', 'b', 'c']) await journal.finish(id, { id });
    await journal.begin('unfinished', { id: 'unfinished' });
    const reader = JournalReader.open(dataDir);
    assert.deepEqual(ids(reader.last(2, {})), ['b', 'c']);
    await journal.finish('d', { id: 'd' });
    assert.deepEqual(ids(reader.after(2, 10, {})), ['c', 'd']);
    assert.deepEqual(ids(reader.after(2, 1, {})), ['c']);
    assert.deepEqual(reader.range(), { first: 1, last: 4 });
    reader.close();
  });

  it('selects by outcome, compartment and time', async (t) => {
    const dataDir = temporaryFolder(t);
    const journal = await openSqlite(t, journalOptions(dataDir));
    const decided = (compartment: string | null) => ({ decision: { compartment } });
    await journal.finish('a', {
      id: 'a',
      outcome: 'sorted',
      ...decided('paper'),
      at: '2026-01-01T00:00:00.000Z',
    });
    await journal.finish('b', {
      id: 'b',
      outcome: 'refused',
      ...decided(null),
      at: '2026-01-02T00:00:00.000Z',
    });
    await journal.finish('c', {
      id: 'c',
      outcome: 'emptied',
      compartment: 'paper',
      at: '2026-01-03T00:00:00.000Z',
    });
    await journal.close();
    const reader = JournalReader.open(dataDir);
    assert.deepEqual(ids(reader.last(9, { outcome: 'refused' })), ['b']);
    assert.deepEqual(ids(reader.last(9, { compartment: 'paper' })), ['a', 'c']);
    assert.deepEqual(ids(reader.last(9, { since: '2026-01-02T00:00:00.000Z' })), ['b', 'c']);
    assert.deepEqual(ids(reader.last(1, { compartment: 'paper' })), ['c']);
    assert.equal(reader.firstOfLast(2, {}, 9), 2);
    assert.equal(reader.firstOfLast(9, { outcome: 'refused' }, 9), 2);
    assert.equal(reader.firstOfLast(9, { outcome: 'emptied' }, 2), null, 'it came later');
    reader.close();
  });

  it('reads events in order, whether they are in the outbox or not', async (t) => {
    const dataDir = temporaryFolder(t);
    const journal = await openSqlite(t, journalOptions(dataDir));
    const keys = [];
    for (const id of ['a', 'b', 'c', 'd']) keys.push(await journal.finish(id, { id }));
    const [, second, , fourth] = keys;
    assert.ok(second && fourth);
    await journal.acknowledge([second, fourth]);
    const reader = JournalReader.open(dataDir);
    assert.deepEqual(ids(reader.after(0, 3, {})), ['a', 'b', 'c']);
    assert.deepEqual(ids(reader.last(3, {})), ['b', 'c', 'd']);
    assert.deepEqual(reader.position(), { epoch: second.epoch, seq: 4 });
    reader.close();
  });

  it('returns a row that is not JSON without a body, unless a condition is set', async (t) => {
    const dataDir = temporaryFolder(t);
    const journal = await openSqlite(t, journalOptions(dataDir));
    for (const id of ['a', 'b', 'c']) await journal.finish(id, { id, outcome: 'sorted' });
    await journal.close();
    const db = new DatabaseSync(join(dataDir, 'journal.db'));
    db.exec("update rows set body = 'no JSON' where seq = 2");
    db.close();
    const reader = JournalReader.open(dataDir);
    assert.deepEqual(
      reader.last(9, {}).map(({ seq, body }) => [seq, body !== undefined]),
      [
        [1, true],
        [2, false],
        [3, true],
      ],
    );
    assert.deepEqual(ids(reader.last(9, { outcome: 'sorted' })), ['a', 'c']);
    assert.deepEqual(reader.bySeq(2), { seq: 2, body: undefined });
    assert.deepEqual(reader.disputes('a'), []);
    reader.close();
  });

  it('finds an event by its number and by the beginning of its id, with labels, disputes and frame', async (t) => {
    const dataDir = temporaryFolder(t);
    const journal = await openSqlite(t, journalOptions(dataDir));
    await journal.finish('item-1', { id: 'item-1', outcome: 'sorted' });
    await journal.finish('item-2', { id: 'item-2', outcome: 'disputed', item: 'item-1' });
    await journal.label('item-1', { label: 'glass', source: 'command', at: '2026-01-01T00:00:00.000Z' });
    await journal.keepFrame('frame-1', Buffer.from('no image'));
    const reader = JournalReader.open(dataDir);
    assert.deepEqual(reader.bySeq(1)?.seq, 1);
    assert.equal(reader.bySeq(3), null);
    assert.deepEqual(ids(reader.byIdPrefix('item-1')), ['item-1']);
    assert.equal(reader.byIdPrefix('item').length, 2);
    assert.equal(reader.byIdPrefix('x').length, 0);
    assert.deepEqual(reader.labels('item-1'), [
      { label: 'glass', source: 'command', at: '2026-01-01T00:00:00.000Z' },
    ]);
    assert.deepEqual(ids(reader.disputes('item-1')), ['item-2']);
    const path = reader.framePath('frame-1');
    assert.ok(path !== null && existsSync(path));
    assert.equal(reader.framePath('frame-2'), null);
    reader.close();
  });

  it('notices that the journal was replaced', async (t) => {
    const dataDir = temporaryFolder(t);
    const journal = await openSqlite(t, journalOptions(dataDir));
    await journal.finish('a', {});
    await journal.close();
    const reader = JournalReader.open(dataDir);
    assert.equal(reader.isOutdated, false);
    writeFileSync(join(dataDir, 'journal.db.new'), '');
    renameSync(join(dataDir, 'journal.db.new'), join(dataDir, 'journal.db'));
    assert.equal(reader.isOutdated, true);
    reader.close();
  });

  it('names the problem of a journal that it cannot read, and creates no file', (t) => {
    const dataDir = temporaryFolder(t);
    assert.throws(() => JournalReader.open(dataDir), {
      code: 'events-no-journal',
      message: /Start the bin once/,
    });
    assert.equal(existsSync(join(dataDir, 'journal.db')), false);
    const path = join(dataDir, 'journal.db');
    writeFileSync(path, 'no database'.repeat(100));
    assert.throws(() => JournalReader.open(dataDir), {
      code: 'journal-unreadable',
      message: /not a database\. The bin moves it aside at its next start/,
    });
    writeFileSync(path, '');
    const db = new DatabaseSync(path);
    db.exec('pragma user_version = 1');
    db.close();
    assert.throws(() => JournalReader.open(dataDir), { code: 'journal-unreadable', message: /version 1/ });
  });

  it('refuses a pipe, which would never answer, as the bin does', (t) => {
    const dataDir = temporaryFolder(t);
    execFileSync('mkfifo', [join(dataDir, 'journal.db')]);
    const refusal = { code: 'journal-unreadable', message: /journal\.db: it is not a regular file/ };
    assert.throws(() => JournalReader.open(dataDir), refusal);
    assert.throws(() => Store.open(journalOptions(dataDir)), refusal);
    renameSync(join(dataDir, 'journal.db'), join(dataDir, 'pipe'));
    rmSync(join(dataDir, 'journal.lock'));
    renameSync(join(dataDir, 'pipe'), join(dataDir, 'journal.lock'));
    assert.throws(() => Store.open(journalOptions(dataDir)), { message: /journal\.lock: it is not a/ });
  });

  it('reads a stopped journal in a folder that cannot be written', (t) => {
    const dataDir = temporaryFolder(t);
    const store = Store.open(journalOptions(dataDir));
    store.finish('a', { id: 'a' });
    const crashed = temporaryFolder(t);
    for (const name of ['journal.db', 'journal.db-wal'])
      copyFileSync(join(dataDir, name), join(crashed, name));
    store.close();
    for (const suffix of ['wal', 'shm']) rmSync(join(dataDir, `journal.db-${suffix}`), { force: true });
    asOrdinaryUser(dataDir, () => {
      const reader = JournalReader.open(dataDir);
      assert.deepEqual([ids(reader.last(9, {})), reader.isOutdated], [['a'], true]);
      reader.close();
      assert.equal(existsSync(join(dataDir, 'journal.db-wal')), false);
    });
    asOrdinaryUser(crashed, () =>
      assert.throws(() => JournalReader.open(crashed), {
        code: 'journal-unreadable',
        message: /events in journal\.db-wal .* Copy journal\.db and journal\.db-wal/,
      }),
    );
  });

  it('names the user if the file is private', (t) => {
    const dataDir = temporaryFolder(t);
    Store.open(journalOptions(dataDir)).close();
    chmodSync(join(dataDir, 'journal.db'), 0);
    asOrdinaryUser(dataDir, () =>
      assert.throws(() => JournalReader.open(dataDir), {
        message: /this user cannot read it\. Run the command/,
      }),
    );
  });
});
