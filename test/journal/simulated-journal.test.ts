import assert from 'node:assert/strict';
import { it } from 'node:test';
import { SimulatedJournal } from '../../device/journal/simulated-journal.js';
import { rejectsAs } from '../contract/journal-contract.js';

it('follows its script call by call, and a failed call changes nothing', async () => {
  const journal = new SimulatedJournal({ script: ['ok', 'fail', 'ok', 'fail'] });
  await journal.begin('a', {});
  await rejectsAs(journal.finish('a', { attempt: 1 }), 'journal-failed', /^finish: scripted failure$/);
  assert.equal((await journal.finish('a', { attempt: 2 })).seq, 1);
  await rejectsAs(journal.begin('b', {}), 'journal-failed');
  assert.equal((await journal.finish('b', { attempt: 3 })).seq, 2);
  assert.deepEqual(journal.events(), [
    { attempt: 2, epoch: journal.epoch, seq: 1 },
    { attempt: 3, epoch: journal.epoch, seq: 2 },
  ]);
});

it('hangs if the script says so, and continues with later calls', async () => {
  const journal = new SimulatedJournal({ script: ['hang'] });
  const hanging = journal.begin('a', {}).then(() => 'settled');
  await journal.finish('b', {});
  const nextTurn = new Promise((resolve) => setImmediate(resolve, 'still waiting'));
  assert.equal(await Promise.race([hanging, nextTurn]), 'still waiting');
  assert.deepEqual(journal.events(), [{ epoch: journal.epoch, seq: 1 }]);
});

it('sorts the events by number, not by the order in which they were begun', async () => {
  const journal = new SimulatedJournal();
  for (const id of ['a', 'b', 'c']) await journal.begin(id, {});
  for (const id of ['c', 'a']) await journal.finish(id, { id });
  assert.deepEqual(journal.events(), [
    { id: 'c', epoch: journal.epoch, seq: 1 },
    { id: 'a', epoch: journal.epoch, seq: 2 },
  ]);
});

it('passes the rows of an interrupted run to the next run', async () => {
  const interrupted = new SimulatedJournal();
  await interrupted.begin('a', { trigger: 1 });
  const next = new SimulatedJournal({ earlier: interrupted });
  assert.deepEqual(await next.unfinished(), [{ id: 'a', body: { trigger: 1 } }]);
});
