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
  const observer = new OutboxObserver({ counters }, 2, (count) => announced.push(count));
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
  new OutboxObserver(journal, 0, () => assert.fail('nothing is known')).event();
  await settled();
});
