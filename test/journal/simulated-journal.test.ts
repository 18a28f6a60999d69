import assert from 'node:assert/strict';
import { it } from 'node:test';
import { SimulatedJournal } from '../../device/journal/simulated-journal.js';
import { rejectsAs } from '../contract/journal-contract.js';

it('follows its script call by call, and a call that fails leaves nothing behind', async () => {
  const journal = new SimulatedJournal({ script: ['ok', 'fail', 'ok', 'fail'] });
  await journal.begin('a', {});
  await rejectsAs(journal.finish('a', { attempt: 1 }), 'journal-failed', /script/);
  assert.equal(await journal.finish('a', { attempt: 2 }), 1);
  await rejectsAs(journal.begin('b', {}), 'journal-failed');
  assert.equal(await journal.finish('b', { attempt: 3 }), 2);
  assert.deepEqual(journal.events(), [
    { attempt: 2, seq: 1 },
    { attempt: 3, seq: 2 },
  ]);
});

it('hangs where the script says so, and goes on with the calls after it', async () => {
  const journal = new SimulatedJournal({ script: ['hang'] });
  const hanging = journal.begin('a', {}).then(() => 'settled');
  await journal.finish('b', {});
  const turn = new Promise((resolve) => setImmediate(resolve, 'still waiting'));
  assert.equal(await Promise.race([hanging, turn]), 'still waiting');
  assert.deepEqual(journal.events(), [{ seq: 1 }]);
});

it('shows the events by their numbers, not by their beginnings', async () => {
  const journal = new SimulatedJournal();
  for (const id of ['a', 'b', 'c']) await journal.begin(id, {});
  for (const id of ['c', 'a']) await journal.finish(id, { id });
  assert.deepEqual(journal.events(), [
    { id: 'c', seq: 1 },
    { id: 'a', seq: 2 },
  ]);
});

it('hands a run that was cut off over to the next one', async () => {
  const cutOff = new SimulatedJournal();
  await cutOff.begin('a', { trigger: 1 });
  const next = new SimulatedJournal({ earlier: cutOff });
  assert.deepEqual(await next.unfinished(), [{ id: 'a', body: { trigger: 1 } }]);
});
