import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { Worker } from 'node:worker_threads';
import { DatabaseSync } from '@photostructure/sqlite';
import type { StartWorker } from '../../device/journal/journal-worker.js';
import type { SqliteJournalOptions } from '../../device/journal/sqlite-journal.js';
import { rejectsAs } from '../contract/journal-contract.js';
import { journalOptions, openSqlite, temporaryFolder } from '../support/journal/journal-folder.js';

/** Opens a journal and returns its worker, so that a test can watch the worker. */
const openWithWorker = async (t: TestContext, options: Partial<SqliteJournalOptions> = {}) => {
  const dataDir = temporaryFolder(t);
  const workers: Worker[] = [];
  const startWorker: StartWorker = (entry, workerOptions) => {
    const worker = new Worker(entry, workerOptions);
    workers.push(worker);
    return worker;
  };
  const journal = await openSqlite(t, { ...journalOptions(dataDir), ...options, startWorker });
  const [worker] = workers;
  assert.ok(worker);
  return { journal, worker, dataDir };
};

/** Locks the database like another program. Writes wait until the returned function is called. */
const lock = (dataDir: string): (() => void) => {
  const other = new DatabaseSync(join(dataDir, 'journal.db'));
  other.exec('begin immediate');
  return () => other.close();
};

describe('SqliteJournal', () => {
  it('refuses calls above its queue limit, completes the queued ones, and then accepts new ones', async (t) => {
    const { journal } = await openWithWorker(t, { maxQueue: 3 });
    const queued = ['a', 'b', 'c'].map((id) => journal.finish(id, {}));
    await rejectsAs(
      journal.finish('d', {}),
      'journal-busy',
      /^finish: the queue of the journal is full \(3 requests\)\. Try again later\.$/,
    );
    assert.deepEqual(
      (await Promise.all(queued)).map(({ seq }) => seq),
      [1, 2, 3],
    );
    assert.equal((await journal.finish('d', {})).seq, 4, 'the refused call has changed nothing');
    await journal.close();
  });

  it('does not block the event loop while the disk is slow', async (t) => {
    const { journal, dataDir } = await openWithWorker(t);
    const unlock = lock(dataDir);
    const finishing = journal.finish('a', {});
    const nextTurn = new Promise((resolve) => setImmediate(resolve, 'still waiting'));
    assert.equal(await Promise.race([finishing, nextTurn]), 'still waiting');
    unlock();
    assert.equal((await finishing).seq, 1);
    await journal.close();
  });

  it('passes the code and message of an error on, and continues', async (t) => {
    const { journal } = await openWithWorker(t);
    await journal.finish('a', {});
    await rejectsAs(
      journal.finish('a', { text: 'other' }),
      'already-finished',
      /^row a: already finished as event 1$/,
    );
    await rejectsAs(
      journal.finish('b', { size: 1n }),
      'journal-failed',
      /^journal in .*: finish failed: .*BigInt/,
    );
    await rejectsAs(
      journal.finish('b', { run: () => {} }),
      'journal-failed',
      /finish: .*could not be cloned/,
    );
    assert.equal((await journal.finish('b', {})).seq, 2);
    await journal.close();
  });

  it('completes queued calls before it closes, and leaves one complete file', async (t) => {
    const { journal, worker, dataDir } = await openWithWorker(t);
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    const queued = ['a', 'b', 'c'].map((id) => journal.finish(id, {}));
    await journal.close();
    assert.deepEqual(
      (await Promise.all(queued)).map(({ seq }) => seq),
      [1, 2, 3],
    );
    assert.equal(await ended, 0);
    assert.ok(!existsSync(join(dataDir, 'journal.db-wal')), 'the WAL was moved into the database');
    assert.ok(statSync(join(dataDir, 'journal.db')).size > 0);
  });

  it('copies a frame: the caller keeps its bytes, and only the view is transferred', async (t) => {
    const { journal, dataDir } = await openWithWorker(t);
    const whole = new Uint8Array(64).fill(7);
    const keeping = journal.keepFrame('f', whole.subarray(8, 24));
    whole.fill(0);
    await keeping;
    assert.equal(whole.length, 64);
    assert.equal(statSync(join(dataDir, 'frames', 'f.bin')).size, 16);
    await journal.close();
  });
});
