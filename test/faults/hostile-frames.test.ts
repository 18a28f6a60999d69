import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sendHostileFrames } from '../support/hostile-run.js';

test('hostile frames are all answered, by the same vision process', async () => {
  const { answers, goodFailed, restarts } = await sendHostileFrames(7, 100);
  const outcomes = Object.values(answers).flatMap((row) => Object.entries(row));
  assert.equal(
    outcomes.reduce((sum, [, count]) => sum + count, 0),
    100,
  );
  for (const [outcome] of outcomes) assert.match(outcome, /^(classified|picture-[a-z]+)$/);
  assert.deepEqual([goodFailed, restarts], [0, 0]);
});
