import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { until } from '../../support/until.js';
import { unwrap } from '../../support/unwrap.js';
import { DAY_MS, makeKey } from '../../support/update/test-repository.js';
import {
  advanceUntilSettled,
  BUNDLE,
  bundlesOf,
  faultOf,
  makeUpdateClient,
  modelOf,
} from '../../support/update/update-client.js';

// The attack classes of the TUF specification, section 1.5.2. The attacker controls the web server.

test('arbitrary installation: refuses targets that an unknown key signed', async (t) => {
  const { repo, client, signal } = await makeUpdateClient(t);
  unwrap(await client.refresh(signal));
  repo.add('evil/9.9.9', BUNDLE);
  repo.signed.targets.version += 1;
  repo.write('targets', [makeKey()]);
  repo.publishRole('snapshot');
  repo.publishRole('timestamp');

  const fault = faultOf(await client.refresh(signal));
  assert.equal(fault.code, 'update-metadata-invalid');
  assert.match(fault.message, /targets has 0 of 1 valid signatures/);
  assert.deepEqual(bundlesOf(unwrap(await client.stored())), ['waste12@1.4.0']);
});

test('arbitrary installation: refuses a signature below the threshold', async (t) => {
  const { repo, client, signal } = await makeUpdateClient(t);
  repo.signed.root.version += 1;
  repo.write('root', repo.keys.root.slice(0, 1));
  assert.match(faultOf(await client.refresh(signal)).message, /root has 1 of 2 valid signatures/);
});

test('arbitrary installation: takes no bundle that only a delegated role lists', async (t) => {
  const { repo, client, signal } = await makeUpdateClient(t);
  repo.add('evil/9.9.9', BUNDLE, 'rollouts');
  repo.halt('evil', { schema: 1, halted: false });
  repo.publish();
  assert.deepEqual(bundlesOf(unwrap(await client.refresh(signal))), ['waste12@1.4.0']);
});

test('endless data: stops reading metadata at the limit', async (t) => {
  const { server, client, signal } = await makeUpdateClient(t);
  let sent = 0;
  server.answer('timestamp.json', (_request, response) => {
    const block = Buffer.alloc(4096, ' ');
    const send = () => {
      sent += block.length;
      if (!response.destroyed) response.write(block, send);
    };
    send();
  });
  const fault = faultOf(await client.refresh(signal));
  assert.equal(fault.code, 'update-metadata-invalid');
  assert.match(fault.message, /metadata\/timestamp\.json: more than the 16384 bytes that are allowed/);
  assert.ok(sent < 1 << 24);
});

test('endless data: stops reading a file at its signed length', async (t) => {
  const { server, client, folder, signal } = await makeUpdateClient(t);
  const target = modelOf(unwrap(await client.refresh(signal)));
  server.answer('model.tflite', (_request, response) => {
    const send = () => {
      if (!response.destroyed) response.write(Buffer.alloc(65_536), send);
    };
    send();
  });
  const into = join(folder, 'model');
  const fault = faultOf(await client.download(target, into, signal));
  assert.equal(fault.code, 'update-file-invalid');
  assert.ok(readFileSync(into).length <= target.bytes);
});

test('fast-forward: recovers from a version at the end of the numbers, once the keys are rotated', async (t) => {
  const { repo, client, signal } = await makeUpdateClient(t);
  repo.signed.timestamp.version = 2 ** 31;
  repo.publishRole('timestamp');
  unwrap(await client.refresh(signal));

  repo.signed.timestamp.version = 2;
  repo.publish();
  assert.match(faultOf(await client.refresh(signal)).message, /timestamp is older than at the last check/);
  repo.rotate('timestamp', 'snapshot');
  repo.publish();
  repo.add('waste12/1.5.0', BUNDLE);
  repo.publish();
  assert.deepEqual(bundlesOf(unwrap(await client.refresh(signal))), ['waste12@1.4.0', 'waste12@1.5.0']);
});

test('freeze: reports a repository that stays the same after its expiry, and keeps its catalogue', async (t) => {
  const { client, clock, signal } = await makeUpdateClient(t);
  unwrap(await client.refresh(signal));
  await clock.advance(8 * DAY_MS);
  const fault = faultOf(await client.refresh(signal));
  assert.equal(fault.code, 'update-metadata-expired');
  assert.match(fault.message, /timestamp\.json is expired at 2026-01-09T.*Check the clock of the bin/);
  assert.deepEqual(bundlesOf(unwrap(await client.stored())), ['waste12@1.4.0']);
});

for (const [role, days] of [
  ['snapshot', 31],
  ['rollouts', 31],
  ['targets', 366],
  ['root', 366],
] as const) {
  test(`freeze: reports that ${role} has expired`, async (t) => {
    const { repo, client, clock, signal } = await makeUpdateClient(t);
    unwrap(await client.refresh(signal));
    await clock.advance(days * DAY_MS);
    repo.advance(days * DAY_MS);
    for (const other of ['rollouts', 'targets', 'snapshot', 'timestamp'] as const) {
      if (other !== role) repo.publishRole(other);
    }
    if (role !== 'root') repo.rotate();
    const fault = faultOf(await client.refresh(signal));
    assert.equal(fault.code, 'update-metadata-expired', fault.message);
    assert.match(fault.message, new RegExp(`${role}\\.json is expired`));
  });
}

test('mix-and-match: refuses targets of another version than the snapshot states', async (t) => {
  const { repo, client, signal } = await makeUpdateClient(t);
  const old = repo.read('metadata/2.targets.json');
  repo.add('waste12/1.5.0', BUNDLE);
  repo.publish();
  repo.files.set('metadata/3.targets.json', old);
  const fault = faultOf(await client.refresh(signal));
  assert.equal(fault.code, 'update-metadata-invalid');
  assert.match(fault.message, /length/i);
});

test('rollback: refuses an older timestamp', async (t) => {
  const { repo, client, signal } = await makeUpdateClient(t);
  const old = repo.read('metadata/timestamp.json');
  repo.publish();
  unwrap(await client.refresh(signal));
  repo.files.set('metadata/timestamp.json', old);
  const fault = faultOf(await client.refresh(signal));
  assert.equal(fault.code, 'update-metadata-invalid');
  assert.match(fault.message, /timestamp is older than at the last check of this bin, which was version 3/);
});

test('rollback: refuses an older timestamp also if the refresh before it failed later', async (t) => {
  const { repo, server, client, signal } = await makeUpdateClient(t);
  unwrap(await client.refresh(signal));
  const old = repo.read('metadata/timestamp.json');
  repo.publish();
  server.answer('3.snapshot.json', (_request, response) => response.writeHead(404).end());
  assert.equal(faultOf(await client.refresh(signal)).code, 'update-not-found');
  repo.files.set('metadata/timestamp.json', old);
  assert.match(faultOf(await client.refresh(signal)).message, /timestamp is older than at the last check/);
});

test('rollback: refuses older targets in a new snapshot', async (t) => {
  const { repo, client, signal } = await makeUpdateClient(t);
  const old = structuredClone(repo.signed.snapshot.meta) as Record<string, object>;
  repo.publish();
  unwrap(await client.refresh(signal));
  repo.signed.snapshot.meta = old;
  repo.publishRole('snapshot');
  repo.publishRole('timestamp');
  assert.match(
    faultOf(await client.refresh(signal)).message,
    /targets is older than at the last check of this bin, which was version 3/,
  );
});

test('wrong target: refuses another file of the same repository', async (t) => {
  const { repo, client, folder, signal } = await makeUpdateClient(t);
  repo.add('waste12/1.3.0', { ...BUNDLE, 'model.tflite': Buffer.alloc(100_000, 'older') });
  repo.publish();
  const catalogue = unwrap(await client.refresh(signal));
  const [newer, older] = [modelOf(catalogue), modelOf(catalogue, 'waste12@1.3.0')];
  repo.files.set(
    repo.targetPath(newer.path, newer.sha256),
    repo.read(repo.targetPath(older.path, older.sha256)),
  );
  const fault = faultOf(await client.download(newer, join(folder, 'model'), signal));
  assert.equal(fault.code, 'update-file-invalid');
  assert.match(fault.message, /differs from the signed metadata/);
});

test('slow retrieval: ends a transfer below the minimum rate', async (t) => {
  const { server, client, clock, signal } = await makeUpdateClient(t);
  const timers: NodeJS.Timeout[] = [];
  t.after(() => timers.forEach(clearInterval));
  server.answer('timestamp.json', (_request, response) => {
    timers.push(setInterval(() => response.write(' '), 1));
  });
  const answer = client.refresh(signal);
  await until('the bin waits for the timestamp', () => server.requests.includes('metadata/timestamp.json'));
  const fault = faultOf(await advanceUntilSettled(clock, answer));
  assert.equal(fault.code, 'update-too-slow');
  assert.match(fault.message, /metadata\/timestamp\.json: only \d+ bytes in \d+ s/);
});

test('key compromise: refuses the old keys after a rotation', async (t) => {
  const { repo, client, signal } = await makeUpdateClient(t);
  unwrap(await client.refresh(signal));
  const stolen = { ...repo.keys };
  repo.rotate('targets', 'snapshot', 'timestamp', 'root');
  repo.publish();
  assert.equal(unwrap(await client.refresh(signal)).targetsVersion, 3);
  assert.equal(unwrap(await client.trustedRoot())?.version, 2);

  repo.add('evil/9.9.9', BUNDLE);
  repo.publish();
  repo.write('timestamp', stolen.timestamp);
  assert.match(faultOf(await client.refresh(signal)).message, /timestamp has 0 of 1 valid signatures/);
  repo.write('timestamp');
  repo.files.delete('metadata/2.root.json');
  repo.signed.root.version = 2;
  repo.write('root', stolen.root);
  repo.signed.root.version = 3;
  repo.write('root', stolen.root);
  assert.match(faultOf(await client.refresh(signal)).message, /root has 0 of 2 valid signatures/);
});

test('key compromise: keeps a new root, although the refresh failed after it', async (t) => {
  const { repo, server, client, signal, restart } = await makeUpdateClient(t);
  unwrap(await client.refresh(signal));
  repo.rotate('timestamp');
  repo.publish();
  server.answer('timestamp.json', (_request, response) => response.writeHead(503).end());
  assert.equal(faultOf(await client.refresh(signal)).code, 'update-unreachable');
  assert.equal(unwrap(await restart().trustedRoot())?.version, 2);
  assert.deepEqual(bundlesOf(unwrap(await restart().stored())), ['waste12@1.4.0']);
});

test('a path that leaves the folder of the bundle makes only its bundle unusable', async (t) => {
  const { repo, client, folder, signal } = await makeUpdateClient(t);
  repo.add('evil/1.0.0', { ...BUNDLE, '../../../etc/passwd': 'root' });
  repo.publish();
  const catalogue = unwrap(await client.refresh(signal));
  assert.deepEqual(bundlesOf(catalogue), ['waste12@1.4.0']);
  assert.deepEqual(catalogue.unusable, [
    { path: 'evil/1.0.0', reason: 'not a name of a file: evil/1.0.0/../../../etc/passwd' },
  ]);
  assert.ok(!existsSync(join(folder, 'etc')));
});
