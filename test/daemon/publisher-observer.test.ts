import assert from 'node:assert/strict';
import { it } from 'node:test';
import { OutboxObserver } from '../../device/daemon/publisher-observer.js';
import { SimulatedJournal } from '../../device/journal/simulated-journal.js';

const settled = () => new Promise((resolve) => setImmediate(resolve));

it('announces each new total of dropped events once', async () => {
  const journal = new SimulatedJournal();
  let dropped = 0;
  const announced: number[] = [];
  const counters = async () => ({ ...(await journal.counters()), dropped });
  const observer = new OutboxObserver({ counters }, 2, {
    dropped: (count) => announced.push(count),
    undeliverable: () => {},
  });
  for (const total of [2, 3, 3, 7, 0]) {
    dropped = total;
    observer.event();
    await settled();
  }
  assert.deepEqual(announced, [3, 7]);
});

it('does not fail if the journal is down', async () => {
  const journal = new SimulatedJournal();
  await journal.close();
  const fail = () => assert.fail('nothing is known');
  new OutboxObserver(journal, 0, { dropped: fail, undeliverable: fail }).event();
  await settled();
});

it('reports how many events are undeliverable', async () => {
  const journal = new SimulatedJournal();
  const { epoch } = await journal.finish('a', {});
  await journal.markUndeliverable({ epoch, seq: 1 }, 'refused', '2026-11-30T10:00:00.000Z');
  const counts: number[] = [];
  const observer = new OutboxObserver(journal, 0, {
    dropped: () => assert.fail('no event was dropped'),
    undeliverable: (count) => counts.push(count),
  });
  observer.check();
  await settled();
  assert.deepEqual(counts, [1]);
});
