import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { DatabaseSync } from '@photostructure/sqlite';
import { Store } from '../../device/journal/store.js';
import { journalOptions, temporaryFolder } from '../support/journal/journal-folder.js';

const finishMany = (store: Store, from: number, to: number) => {
  for (let index = from; index <= to; index += 1)
    assert.equal(store.finish(`row-${index}`, { index }).seq, index);
};
/** Acknowledges events of the outbox, by their numbers. */
const acknowledge = (store: Store, ...seqs: number[]) =>
  store.acknowledge(store.pending(null, 1000).filter(({ seq }) => seqs.includes(seq)));

const pendingSeqs = (store: Store) => store.pending(null, 1000).map(({ seq }) => seq);

describe('the limits of the SQLite journal', () => {
  it('drops the oldest events of a full outbox, counts them, and never reuses a number', (t) => {
    const options = journalOptions(temporaryFolder(t), { maxOutbox: 3 });
    const store = Store.open(options);
    finishMany(store, 1, 5);
    assert.deepEqual(pendingSeqs(store), [3, 4, 5]);
    assert.equal(store.counters().dropped, 2);
    assert.equal(store.counters().events, 5, 'dropped events stay in the journal');
    store.close();
    const next = Store.open(options);
    finishMany(next, 6, 6);
    assert.equal(next.counters().dropped, 3);
    assert.deepEqual(pendingSeqs(next), [4, 5, 6]);
    next.close();
  });

  it('deletes the oldest settled events, and continues the numbers when all are deleted', (t) => {
    const options = journalOptions(temporaryFolder(t), { maxEvents: 2 });
    const store = Store.open(options);
    finishMany(store, 1, 4);
    assert.equal(store.counters().events, 4, 'events that the broker has not acknowledged are not deleted');
    acknowledge(store, 1, 2, 4);
    assert.equal(store.counters().events, 2);
    assert.deepEqual(pendingSeqs(store), [3]);
    acknowledge(store, 3);
    store.close();
    const next = Store.open({ ...options, maxEvents: 0 });
    assert.equal(next.counters().events, 0, 'a lower limit applies from the start');
    finishMany(next, 5, 5);
    acknowledge(next, 5);
    next.close();
    const last = Store.open(options);
    finishMany(last, 6, 6);
    last.close();
  });

  it('limits the events also after one that the broker never acknowledges', (t) => {
    const store = Store.open(journalOptions(temporaryFolder(t), { maxEvents: 5 }));
    finishMany(store, 1, 1);
    for (let seq = 2; seq <= 30; seq += 1) {
      finishMany(store, seq, seq);
      acknowledge(store, seq);
    }
    assert.equal(store.counters().events, 5);
    assert.deepEqual(pendingSeqs(store), [1]);
    store.close();
  });

  it('deletes the labels of an event together with the event', (t) => {
    const options = journalOptions(temporaryFolder(t), { maxEvents: 1 });
    const store = Store.open(options);
    const label = { label: 'paper', source: 'command', at: '2026-01-01T00:00:00.000Z' };
    for (const [index, id] of ['a', 'b'].entries()) {
      store.finish(id, {});
      store.label(id, label);
      acknowledge(store, index + 1);
    }
    store.close();
    const db = new DatabaseSync(join(options.dataDir, 'journal.db'));
    assert.equal(db.prepare('select event from labels').all().length, 1);
    db.close();
  });

  it('never deletes an unfinished row, and separates the runs when rows in between are deleted', (t) => {
    const options = journalOptions(temporaryFolder(t), { maxEvents: 0, maxOutbox: 0 });
    const store = Store.open(options);
    store.begin('old', { old: true });
    finishMany(store, 1, 20);
    store.close();
    const next = Store.open(options);
    next.begin('new', {});
    assert.deepEqual(next.unfinished(), [{ id: 'old', body: { old: true } }]);
    next.close();
  });
});
