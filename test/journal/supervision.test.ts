import assert from 'node:assert/strict';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { DatabaseSync } from '@photostructure/sqlite';
import type { JournalError } from '../../device/journal/journal.js';
import { SqliteJournal } from '../../device/journal/sqlite-journal.js';
import { SystemClock } from '../../device/kit/clock.js';
import type { Fault } from '../../device/kit/errors.js';
import { SimulatedClock } from '../../device/kit/simulated-clock.js';
import { rejectsAs } from '../contract/journal-contract.js';
import { fakeWorkers } from '../support/journal/fake-worker.js';
import { journalOptions, openSqlite, temporaryFolder } from '../support/journal/journal-folder.js';
import { until } from '../support/until.js';

/** Makes a journal with fake workers and a simulated clock. */
const makeJournal = () => {
  const clock = new SimulatedClock();
  const { workers, latest, startWorker } = fakeWorkers();
  const fatal: JournalError[] = [];
  const journal = new SqliteJournal({
    ...journalOptions('/data'),
    clock,
    startWorker,
    onFatal: (error) => fatal.push(error),
  });
  const faults: (Fault | null)[] = [];
  journal.onHealth((fault) => faults.push(fault));
  const open = async () => {
    const opening = journal.open();
    latest().open();
    await opening;
  };
  /** Waits for the next restart, and opens its worker. */
  const reopen = async () => {
    await clock.advance(10_000);
    latest().open();
    await clock.advance(0);
  };
  return { clock, workers, latest, journal, faults, fatal, open, reopen };
};

describe('a journal whose worker stops', () => {
  it('rejects its calls, reports a fault, opens again and recovers', async () => {
    const { journal, latest, workers, faults, open, reopen } = makeJournal();
    await open();
    const stopped = /^journal in \/data: the worker thread stopped \(exit code 1\)/;
    const outstanding = ['a', 'b'].map((id) => rejectsAs(journal.finish(id, {}), 'journal-failed', stopped));
    latest().exit(1);
    await Promise.all(outstanding);
    const restarting = /the worker thread stopped \(exit code 1\)\. It is restarted\.$/;
    await rejectsAs(journal.finish('c', {}), 'journal-failed', restarting);
    assert.equal(faults.length, 1);
    assert.equal(faults[0]?.code, 'journal-failed');
    assert.match(faults[0]?.message ?? '', restarting);
    await reopen();
    assert.equal(workers.length, 2);
    assert.deepEqual(faults.slice(1), [null]);
    const counting = journal.counters();
    latest().answer({ events: 1 });
    assert.deepEqual(await counting, { events: 1 });
    await journal.close();
  });

  it('reports why the worker stopped if it threw', async () => {
    const { journal, latest, faults, open } = makeJournal();
    await open();
    latest().emit('error', new Error('out of memory'));
    assert.match(faults[0]?.message ?? '', /the worker thread stopped \(out of memory\)/);
    await journal.close();
  });

  it('continues its run: rows of before the restart are not of an earlier run', async (t) => {
    const threads: Worker[] = [];
    const journal = await openSqlite(t, {
      ...journalOptions(temporaryFolder(t)),
      startWorker: (entry, options) => {
        const thread = new Worker(entry, options);
        threads.push(thread);
        return thread;
      },
    });
    const faults: (Fault | null)[] = [];
    journal.onHealth((fault) => faults.push(fault));
    await journal.begin('a', {});
    const { epoch } = await journal.finish('b', {});
    await threads[0]?.terminate();
    await until('the journal has recovered', () => faults.at(-1) === null);
    assert.deepEqual(await journal.unfinished(), []);
    assert.deepEqual(await journal.finish('a', {}), { epoch, seq: 2 });
    await journal.close();
  });

  it('gives up after three restarts without a successful call, and reports that once', async () => {
    const { journal, workers, latest, faults, fatal, open, reopen, clock } = makeJournal();
    await open();
    latest().exit(1);
    await reopen();
    latest().exit(1);
    await clock.advance(10_000);
    latest().reply({ id: 0, ok: false, code: 'journal-unreadable', message: 'no disk', isDamage: false });
    latest().exit(0);
    await reopen();
    assert.equal(workers.length, 4);
    assert.equal(fatal.length, 0);
    latest().exit(1);
    await clock.advance(100_000);
    assert.equal(workers.length, 4);
    assert.equal(fatal.length, 1);
    const gaveUp = /the worker thread stopped again after 3 restarts \(exit code 1\)\. Check the disk\.$/;
    assert.match(fatal[0]?.message ?? '', gaveUp);
    assert.match(faults.at(-1)?.message ?? '', gaveUp);
    await rejectsAs(journal.counters(), 'journal-failed', gaveUp);
    await journal.close();
    assert.equal(clock.waiting, 0);
  });

  it('does not give up while calls succeed between its stops', async () => {
    const { journal, workers, latest, fatal, open, reopen } = makeJournal();
    await open();
    for (let stop = 1; stop <= 6; stop += 1) {
      const counting = journal.counters();
      latest().answer({});
      await counting;
      latest().exit(1);
      await reopen();
      assert.equal(workers.length, stop + 1);
    }
    assert.deepEqual(fatal, []);
    await journal.close();
  });

  it('checks the database thoroughly after a call has found damage', async () => {
    const { journal, workers, latest, open, reopen } = makeJournal();
    await open();
    const counting = rejectsAs(journal.counters(), 'journal-failed', /^malformed$/);
    latest().reply({ id: 1, ok: false, code: 'journal-failed', message: 'malformed', isDamage: true });
    await counting;
    await reopen();
    assert.deepEqual(
      workers.map(({ data }) => data.check),
      ['quick_check', 'integrity_check'],
    );
    assert.ok(workers[0]?.isEnded);
    await journal.close();
  });
});

describe('a journal whose worker hangs', () => {
  it('ends the worker after 30 seconds without a reply, and starts another', async () => {
    const { journal, workers, latest, faults, open, reopen, clock } = makeJournal();
    await open();
    const finishing = rejectsAs(journal.finish('a', {}), 'journal-failed', /no reply within 30000 ms/);
    await clock.advance(29_999);
    assert.deepEqual(faults, []);
    await clock.advance(1);
    await finishing;
    assert.ok(latest().isEnded);
    await reopen();
    assert.equal(workers.length, 2);
    assert.equal(faults.at(-1), null);
    await journal.close();
  });

  it('does not end the process when a call inside SQLite returns after that', async (t) => {
    const dataDir = temporaryFolder(t);
    const clock = new SimulatedClock();
    const threads: Worker[] = [];
    const journal = await openSqlite(t, {
      ...journalOptions(dataDir),
      clock,
      startWorker: (entry, options) => {
        const thread = new Worker(entry, options);
        threads.push(thread);
        return thread;
      },
    });
    const other = new DatabaseSync(join(dataDir, 'journal.db'));
    t.after(() => other.close());
    other.exec('BEGIN IMMEDIATE');
    const finishing = rejectsAs(journal.finish('a', {}), 'journal-failed', /no reply within 30000 ms/);
    const counting = rejectsAs(journal.finish('b', {}), 'journal-failed', /no reply within 30000 ms/);
    // The thread is in the call that waits for the lock.
    await wait(200);
    await clock.advance(30_000);
    await Promise.all([finishing, counting]);
    const [thread] = threads;
    assert.ok(thread);
    const exited = once(thread, 'exit');
    other.exec('COMMIT');
    await exited;
    const faults: (Fault | null)[] = [];
    journal.onHealth((fault) => faults.push(fault));
    await until('the journal has recovered', () => {
      void clock.advance(1_000);
      return faults.at(-1) === null;
    });
    assert.equal((await journal.counters()).events, 1, 'the second call was not begun');
    await journal.close();
  });

  it('does not confuse a long queue with a worker that hangs', async () => {
    const { journal, latest, faults, open, clock } = makeJournal();
    await open();
    const calls = [journal.counters(), journal.counters(), journal.counters()];
    for (const call of calls) {
      await clock.advance(20_000);
      latest().answer({});
      await call;
    }
    await clock.advance(60_000);
    assert.deepEqual(faults, [], 'without a request there is no deadline');
    await journal.close();
    assert.equal(clock.waiting, 0);
  });

  it('never opens the journal while an earlier thread still has it, and gives up then', async () => {
    const { journal, workers, latest, fatal, open, clock } = makeJournal();
    await open();
    latest().isStuck = true;
    const finishing = rejectsAs(journal.finish('a', {}), 'journal-failed');
    await clock.advance(30_000);
    await finishing;
    await clock.advance(60_000);
    assert.equal(workers.length, 1);
    assert.match(fatal[0]?.message ?? '', /no answer within 5000 ms/);
    latest().exit(1);
    await journal.close();
  });
});

describe('opening and closing a journal', () => {
  it('can be closed while it is opening', async (t) => {
    const dataDir = temporaryFolder(t);
    const journal = new SqliteJournal({ ...journalOptions(dataDir), clock: new SystemClock() });
    const opening = rejectsAs(journal.open(), 'journal-closed', /^open: the journal is closed$/);
    await journal.close();
    await opening;
    await rejectsAs(journal.counters(), 'journal-closed');
    await rejectsAs(journal.open(), 'journal-closed');
    const next = await openSqlite(t, journalOptions(dataDir));
    assert.equal((await next.finish('a', {})).seq, 1);
    await next.close();
  });

  it('can be closed before it was opened, and while it restarts', async () => {
    await makeJournal().journal.close();
    const { journal, workers, latest, open, clock } = makeJournal();
    await open();
    latest().exit(1);
    await journal.close();
    await clock.advance(60_000);
    assert.equal(workers.length, 1);
    assert.equal(clock.waiting, 0);
  });

  it('stops opening at once when the signal is aborted, and ends the worker', async () => {
    const { journal, latest, faults, fatal, clock } = makeJournal();
    const starting = new AbortController();
    const opening = assert.rejects(journal.open(starting.signal), /^Error: the start was interrupted$/);
    latest().isStuck = true;
    starting.abort(new Error('the start was interrupted'));
    await opening;
    assert.ok(latest().isEnded);
    await rejectsAs(journal.counters(), 'journal-failed', /it is not open/);
    await clock.advance(60_000);
    assert.deepEqual([...faults, ...fatal], []);
    latest().exit(1);
    await journal.close();
  });

  it('refuses calls until it is open', async () => {
    const { journal } = makeJournal();
    await rejectsAs(journal.counters(), 'journal-failed', /^journal in \/data: it is not open yet\.$/);
    await journal.close();
  });

  it('fails if the journal is not open after ten minutes', async () => {
    const { journal, latest, clock } = makeJournal();
    const opening = rejectsAs(journal.open(), 'journal-failed', /no reply within 600000 ms/);
    await clock.advance(600_000);
    await opening;
    assert.ok(latest().isEnded);
    await journal.close();
  });
});
