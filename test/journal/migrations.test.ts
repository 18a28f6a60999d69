import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { DatabaseSync } from '@photostructure/sqlite';
import { JournalError } from '../../device/journal/journal.js';
import { Store } from '../../device/journal/store.js';
import { packageRoot } from '../../device/kit/root.js';
import { journalOptions, temporaryFolder } from '../support/journal/journal-folder.js';

/**
 * A journal that the code of version 1 wrote, with an outbox of three events. item-0 and item-7 were begun. item-1 to
 * item-6 were finished: the broker acknowledged item-1, and item-2 and item-3 were dropped. Two frames were kept.
 */
const VERSION_1 = gunzipSync(readFileSync(join(packageRoot(), 'test/journal/version-1.db.gz')));

const version1Folder = (t: TestContext): string => {
  const dataDir = temporaryFolder(t);
  writeFileSync(join(dataDir, 'journal.db'), VERSION_1);
  mkdirSync(join(dataDir, 'frames'));
  writeFileSync(join(dataDir, 'frames', 'frame-5.jpg'), new Uint8Array(32));
  writeFileSync(join(dataDir, 'frames', 'frame-6.bin'), new Uint8Array(48));
  return dataDir;
};

const read = <T>(path: string, query: string): T[] => {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    return db.prepare(query).all() as T[];
  } finally {
    db.close();
  }
};

const versionOf = (path: string) =>
  read<{ user_version: number }>(path, 'pragma user_version')[0]?.user_version;

const lastSeqOf = (path: string) => read<{ seq: number }>(path, 'select seq from counters')[0]?.seq;

describe('a journal of version 1', () => {
  it('keeps its outbox, counters, unfinished rows and frames, and gains an epoch', (t) => {
    const dataDir = version1Folder(t);
    const before = read<{ id: string; body: string }>(
      join(dataDir, 'journal.db'),
      'select id, body from rows order by row',
    );
    const store = Store.open(journalOptions(dataDir));
    assert.deepEqual(store.counters(), {
      events: 6,
      pending: 3,
      undeliverable: 0,
      dropped: 2,
      unrecorded: 0,
      frames: 2,
      frameBytes: 80,
    });
    assert.deepEqual(readdirSync(join(dataDir, 'frames')).sort(), [
      '.journal-epoch',
      'frame-5.jpg',
      'frame-6.bin',
    ]);
    assert.deepEqual(
      store.unfinished().map(({ id }) => id),
      ['item-0', 'item-7'],
    );
    const pending = store.pending(null, 10);
    assert.deepEqual(
      pending.map(({ seq, id }) => [seq, id]),
      [
        [4, 'item-4'],
        [5, 'item-5'],
        [6, 'item-6'],
      ],
    );
    const key = store.finish('item-7', { outcome: 'interrupted' });
    assert.equal(key.seq, 7);
    store.acknowledge(pending.slice(0, 1));
    store.label('item-1', { label: 'paper', source: 'test', at: '2026-01-01T00:00:00.000Z' });
    store.close();

    const after = read<{ id: string; body: string }>(
      join(dataDir, 'journal.db'),
      "select id, body from rows where id <> 'item-7' order by row",
    );
    for (const [index, { id, body }] of after.entries()) {
      const { epoch, ...rest } = JSON.parse(body) as { epoch?: string };
      assert.equal(epoch, id === 'item-0' ? undefined : key.epoch, id);
      assert.deepEqual(rest, JSON.parse(before[index]?.body ?? ''), id);
    }
    for (const { json } of pending) assert.equal((JSON.parse(json) as { epoch: string }).epoch, key.epoch);
    const next = Store.open(journalOptions(dataDir));
    assert.deepEqual(next.finish('item-8', {}), { epoch: key.epoch, seq: 8 });
    next.close();
  });

  it('gives a retry of an event that version 1 finished its number', (t) => {
    const dataDir = version1Folder(t);
    const [row] = read<{ body: string }>(
      join(dataDir, 'journal.db'),
      "select body from rows where id = 'item-6'",
    );
    const store = Store.open(journalOptions(dataDir));
    assert.equal(store.finish('item-6', JSON.parse(row?.body ?? '')).seq, 6);
    store.close();
  });

  it('is copied before its migration, and the copy works with the old version', (t) => {
    const dataDir = version1Folder(t);
    Store.open(journalOptions(dataDir)).close();
    const copy = join(dataDir, 'journal.db.v1');
    assert.equal(versionOf(copy), 1);
    assert.equal(versionOf(join(dataDir, 'journal.db')), 5);
    const all = 'select * from rows, counters order by row';
    writeFileSync(join(dataDir, 'original.db'), VERSION_1);
    assert.deepEqual(read(copy, all), read(join(dataDir, 'original.db'), all));
    assert.deepEqual(
      readdirSync(dataDir).filter((name) => name.endsWith('.tmp')),
      [],
    );
    const before = readFileSync(copy);
    Store.open(journalOptions(dataDir)).close();
    assert.deepEqual(readFileSync(copy), before, 'the next start makes no copy');
  });

  it('includes what is only in the WAL', (t) => {
    const dataDir = version1Folder(t);
    const path = join(dataDir, 'journal.db');
    const running = new DatabaseSync(path);
    running.exec(`insert into rows (id, stage, body) values ('late', 'begun', '{}')`);
    const wal = readFileSync(`${path}-wal`);
    const main = readFileSync(path);
    running.close();
    writeFileSync(path, main);
    writeFileSync(`${path}-wal`, wal);
    const store = Store.open(journalOptions(dataDir));
    assert.ok(store.unfinished().some(({ id }) => id === 'late'));
    store.close();
    assert.equal(read(join(dataDir, 'journal.db.v1'), "select 1 from rows where id = 'late'").length, 1);
  });

  it('replaces an earlier copy only by one with more events', (t) => {
    const dataDir = version1Folder(t);
    const path = join(dataDir, 'journal.db');
    Store.open(journalOptions(dataDir)).close();
    // The user goes back to version 1 with the copy, works with it, and updates again.
    const goBack = (seq: number) => {
      writeFileSync(path, VERSION_1);
      const db = new DatabaseSync(path);
      db.exec(`update counters set seq = ${seq}`);
      db.close();
      Store.open(journalOptions(dataDir)).close();
    };
    goBack(9);
    assert.equal(lastSeqOf(`${path}.v1`), 9);
    goBack(2);
    assert.equal(lastSeqOf(`${path}.v1`), 9, 'the earlier copy has more events');
    writeFileSync(`${path}.v1`, 'half a copy');
    goBack(2);
    assert.equal(lastSeqOf(`${path}.v1`), 2, 'a file that is not a copy is replaced');
  });

  it('is not migrated if the copy cannot be written, for example on a full disk', (t) => {
    const dataDir = version1Folder(t);
    const obstacle = join(dataDir, 'journal.db.v1.tmp');
    mkdirSync(join(obstacle, 'not-empty'), { recursive: true });
    assert.throws(
      () => Store.open(journalOptions(dataDir)),
      (error) =>
        error instanceof JournalError &&
        error.code === 'journal-unreadable' &&
        /its copy .*journal\.db\.v1, made before the migration, cannot be written \(.*\)\. Free some space on the disk and start again\. The journal is unchanged\.$/.test(
          error.message,
        ),
    );
    assert.equal(versionOf(join(dataDir, 'journal.db')), 1);
    assert.ok(!existsSync(join(dataDir, 'journal.db.v1')));
    renameSync(obstacle, join(dataDir, 'elsewhere'));
    const store = Store.open(journalOptions(dataDir));
    assert.equal(store.counters().events, 6);
    store.close();
  });

  it('stays unchanged if its migration fails', (t) => {
    const dataDir = version1Folder(t);
    const path = join(dataDir, 'journal.db');
    const db = new DatabaseSync(path);
    db.exec('create table commands (mine text)');
    db.close();
    assert.throws(() => Store.open(journalOptions(dataDir)), /table commands already exists/);
    assert.equal(versionOf(path), 1);
    assert.deepEqual(read(path, "select * from pragma_table_info('counters') where name = 'epoch'"), []);
  });
});

it('a new journal has no copy of an older version', (t) => {
  const dataDir = temporaryFolder(t);
  Store.open(journalOptions(dataDir)).close();
  assert.deepEqual(
    readdirSync(dataDir).filter((name) => name.includes('.v')),
    [],
  );
});
