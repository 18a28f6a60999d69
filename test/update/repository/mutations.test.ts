import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { unwrap } from '../../support/unwrap.js';
import { makeUpdateClient } from '../../support/update/update-client.js';

test('a repository with any changed byte gives the right catalogue or a fault', async (t) => {
  const { repo, server, client, signal, restart } = await makeUpdateClient(t);
  repo.signed.targets['x-sortbin'] = { revoked: [] };
  repo.halt('waste12');
  repo.publish();
  const expected = unwrap(await client.refresh(signal));
  const paths = server.requests.filter((path) => repo.files.has(path));
  assert.equal(paths.length, 5);
  let faults = 0;
  const change = fc.record({
    path: fc.constantFrom(...paths),
    position: fc.nat(),
    byte: fc.integer({ min: 0, max: 255 }),
  });
  await fc.assert(
    fc.asyncProperty(change, async ({ path, position, byte }) => {
      const whole = repo.read(path);
      const changed = Buffer.from(whole);
      changed[position % whole.length] = byte;
      repo.files.set(path, changed);
      try {
        // A bin without metadata fetches all of it.
        await restart().trustRoot(`${repo.rootJson} `);
        await restart().trustRoot(repo.rootJson);
        const answer = await restart().refresh(signal);
        if (answer.ok) assert.deepEqual(answer.value, expected);
        else faults += 1;
      } finally {
        repo.files.set(path, whole);
      }
    }),
    { numRuns: 60 },
  );
  assert.ok(faults > 30, `${faults} faults`);
});
