import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HOSTILE_CAMERAS } from '../support/hostile/cameras.js';
import { runHostile } from '../support/hostile/run.js';

const FRAMES = 40;

describe('a daemon that receives hostile frames', { concurrency: true }, () => {
  for (const name of Object.keys(HOSTILE_CAMERAS) as (keyof typeof HOSTILE_CAMERAS)[])
    it(`keeps running, restarts nothing and classifies the normal images among them: ${name}`, async () => {
      const { items, total, restarts, problems } = await runHostile(name, 7, FRAMES);
      assert.deepEqual(problems, []);
      assert.deepEqual(restarts, { vision: 0, camera: 0 });
      assert.equal(total, FRAMES);
      const faults = Object.values(items).flatMap((row) => Object.keys(row));
      assert.ok(faults.includes('picture-broken'));
    });
});
