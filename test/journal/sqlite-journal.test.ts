import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { Worker } from 'node:worker_threads';
import { DatabaseSync } from '@photostructure/sqlite';
import type { SqliteJournalOptions } from '../../device/journal/sqlite-journal.js';
import { rejectsAs } from '../contract/journal-contract.js';
import { journalOptions, openSqlite, temporaryFolder } from '../support/journal-folder.js';

/** A journal whose worker the test holds, and can end. */
const openHeld = async (t: TestContext, options: Partial<SqliteJournalOptions> = {}) => {
  const dataDir = temporaryFolder(t);
  const workers: Worker[] = [];
  const journal = await openSqlite(t, { ...journalOptions(dataDir), ...options }, (entry, workerOptions) => {
    const worker = new Worker(entry, workerOptions);
    workers.push(worker);
    return worker;
  });
  const [worker] = workers;
  assert.ok(worker);
  return { journal, worker, dataDir };
};

/** Holds the database as another program would: writes wait until the returned function is called. */
const lock = (dataDir: string): (() => void) => {
  const other = new DatabaseSync(join(dataDir, 'journal.db'));
  other.exec('begin immediate');
  return () => other.close();
};

describe('SqliteJournal', () => {
  it('refuses calls beyond its queue as busy, does the queued ones, and takes new ones then', async (t) => {
    const { journal } = await openHeld(t, { maxQueue: 3 });
    const queued = ['a', 'b', 'c'].map((id) => journal.finish(id, {}));
    await rejectsAs(journal.finish('d', {}), 'journal-busy', /3 requests/);
    assert.deepEqual(await Promise.all(queued), [1, 2, 3]);
    assert.equal(await journal.finish('d', {}), 4, 'the refused call had left no trace');
    await journal.close();
  });

  it('leaves the event loop free while the disk makes it wait', async (t) => {
    const { journal, dataDir } = await openHeld(t);
    const unlock = lock(dataDir);
    const finishing = journal.finish('a', {});
    const turn = new Promise((resolve) => setImmediate(resolve, 'still waiting'));
    assert.equal(await Promise.race([finishing, turn]), 'still waiting');
    unlock();
    assert.equal(await finishing, 1);
    await journal.close();
  });

  it('rejects what is outstanding and all later calls when its worker is gone', async (t) => {
    const { journal, worker, dataDir } = await openHeld(t);
    await journal.finish('a', {});
    const unlock = lock(dataDir);
    const gone = /worker of the journal in .* gone: .*exit code 1; restart/;
    const outstanding = [
      rejectsAs(journal.finish('b', {}), 'journal-failed', gone),
      rejectsAs(journal.counters(), 'journal-failed', gone),
    ];
    const terminated = worker.terminate();
    unlock();
    await Promise.all([terminated, ...outstanding]);
    await rejectsAs(journal.begin('c', {}), 'journal-failed', gone);
    await journal.close();
    await rejectsAs(journal.begin('c', {}), 'journal-closed');

    const next = await openSqlite(t, journalOptions(dataDir));
    assert.equal((await next.pending(0, 1))[0]?.id, 'a');
    await next.close();
  });

  it('says why its worker is gone where it threw', async (t) => {
    const { journal, worker } = await openHeld(t);
    const never = rejectsAs(journal.counters(), 'journal-failed', /gone: disk on fire/);
    worker.emit('error', new Error('disk on fire'));
    await never;
    await journal.close();
  });

  it('passes an error of a method over by code and text, and goes on', async (t) => {
    const { journal } = await openHeld(t);
    await journal.finish('a', {});
    await rejectsAs(journal.finish('a', {}), 'already-finished', /row a is finished already, as event 1/);
    await rejectsAs(journal.finish('b', { size: 1n }), 'journal-failed', /finish in the journal in .*BigInt/);
    await rejectsAs(
      journal.finish('b', { run: () => {} }),
      'journal-failed',
      /finish: .*could not be cloned/,
    );
    assert.equal(await journal.finish('b', {}), 2);
    await journal.close();
  });

  it('does what is queued before it closes, and leaves one whole file', async (t) => {
    const { journal, worker, dataDir } = await openHeld(t);
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    const queued = ['a', 'b', 'c'].map((id) => journal.finish(id, {}));
    await journal.close();
    assert.deepEqual(await Promise.all(queued), [1, 2, 3]);
    assert.equal(await ended, 0);
    assert.ok(!existsSync(join(dataDir, 'journal.db-wal')), 'the WAL is in the database');
    assert.ok(statSync(join(dataDir, 'journal.db')).size > 0);
  });

  it('copies a frame: the caller keeps its bytes, and no more than the view goes over', async (t) => {
    const { journal, dataDir } = await openHeld(t);
    const whole = new Uint8Array(64).fill(7);
    const keeping = journal.keepFrame('f', whole.subarray(8, 24));
    whole.fill(0);
    await keeping;
    assert.equal(whole.length, 64);
    assert.equal(statSync(join(dataDir, 'frames', 'f.bin')).size, 16);
    await journal.close();
  });
});
