import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unwrap } from '../../support/unwrap.js';
import { DAY_MS, START_MS } from '../../support/update/test-repository.js';
import { BUNDLE, bundlesOf, faultOf, makeUpdateClient } from '../../support/update/update-client.js';

test('groups the targets of one trusted version into bundles', async (t) => {
  const { client, repo, signal } = await makeUpdateClient(t);
  repo.add('waste12/1.5.0-rc.1', BUNDLE);
  repo.add('rollouts/1.0.0', BUNDLE);
  repo.publish();
  const catalogue = unwrap(await client.refresh(signal));
  assert.deepEqual(bundlesOf(catalogue), ['waste12@1.4.0', 'waste12@1.5.0-rc.1', 'rollouts@1.0.0']);
  assert.equal(catalogue.targetsVersion, 3);
  assert.equal(catalogue.expiresAtMs, START_MS + 7 * DAY_MS);
  assert.deepEqual(
    catalogue.bundles[0]?.files.map(({ path, file, bytes }) => [path, file, bytes]),
    Object.entries(BUNDLE).map(([file, content]) => [`waste12/1.4.0/${file}`, file, content.length]),
  );
  assert.deepEqual(unwrap(await client.stored()), catalogue);
});

const UNUSABLE: Readonly<Record<string, readonly [path: string, reason: string]>> = {
  'Waste/1.0.0/manifest.json': ['Waste/1.0.0', 'not a name of a bundle: Waste'],
  'readme.txt': ['readme.txt', 'not a name of a bundle: readme.txt'],
  'waste12/latest/manifest.json': ['waste12/latest', 'not a semantic version such as 1.4.0: latest'],
  'waste12/1.0.0': ['waste12/1.0.0', 'not a name of a file: waste12/1.0.0'],
  'waste12/1.0.0/a/../b': ['waste12/1.0.0', 'not a name of a file: waste12/1.0.0/a/../b'],
  'waste12/1.0.0/model\u001b[31m': ['waste12/1.0.0', 'not a name of a file: waste12/1.0.0/model\ufffd[31m'],
  'waste12/1.0.0/labels.txt': ['waste12/1.0.0', 'manifest.json is missing'],
  'waste12/1.0.0/manifest.json': ['waste12/1.0.0', 'labels.txt is missing'],
};
for (const [target, [path, reason]] of Object.entries(UNUSABLE)) {
  test(`lists no bundle for ${JSON.stringify(target)}, and keeps the others`, async (t) => {
    const { client, repo, signal } = await makeUpdateClient(t);
    repo.addTarget(target, 'x');
    repo.publish();
    const catalogue = unwrap(await client.refresh(signal));
    assert.deepEqual(bundlesOf(catalogue), ['waste12@1.4.0']);
    assert.deepEqual(catalogue.unusable, [{ path, reason }]);
  });
}

for (const [name, entry, reason] of [
  ['without sha256', { length: 1, hashes: { sha512: '00' } }, 'labels.txt: no sha256'],
  [
    'that is too large',
    { length: 2 ** 30, hashes: { sha256: '0'.repeat(64) } },
    'labels.txt: 1073741824 bytes, at most 67108864 are allowed',
  ],
] as const) {
  test(`lists no bundle with a file ${name}`, async (t) => {
    const { client, repo, signal } = await makeUpdateClient(t);
    repo.add('waste12/1.5.0', BUNDLE);
    (repo.signed.targets.targets as Record<string, object>)['waste12/1.5.0/labels.txt'] = entry;
    repo.publish();
    assert.deepEqual(unwrap(await client.refresh(signal)).unusable, [{ path: 'waste12/1.5.0', reason }]);
  });
}

test('returns the revoked bundles, also after the metadata has expired', async (t) => {
  const { client, clock, repo, signal } = await makeUpdateClient(t);
  const revoked = [
    { name: 'waste12', version: '1.4.0', reason: 'labels swapped', at: '2026-01-01T08:00:00Z' },
    { name: 'elsewhere', version: '0.1.0', reason: '', at: '2026-01-01T10:00:00+02:00' },
  ];
  repo.signed.targets['x-sortbin'] = { revoked, later: true };
  repo.publish();
  const catalogue = unwrap(await client.refresh(signal));
  assert.deepEqual(catalogue.revoked, revoked);
  assert.deepEqual(bundlesOf(catalogue), ['waste12@1.4.0']);
  await clock.advance(400 * DAY_MS);
  assert.equal(faultOf(await client.refresh(signal)).code, 'update-metadata-expired');
  assert.deepEqual(unwrap(await client.stored())?.revoked, revoked);
});

test('drops revocations of ids that no bundle can have', async (t) => {
  const { client, repo, signal } = await makeUpdateClient(t);
  const [revoked, ...others] = ['1.4.0', '1.4.0+edgetpu', 'newest'].map((version) => ({
    name: 'waste12',
    version,
    reason: '',
    at: '2026-01-01T08:00:00Z',
  }));
  repo.signed.targets['x-sortbin'] = { revoked: [...others, revoked] };
  repo.publish();
  assert.deepEqual(unwrap(await client.refresh(signal)).revoked, [revoked]);
});

test('refuses a malformed list of revoked bundles, and keeps the earlier one', async (t) => {
  const { client, repo, signal } = await makeUpdateClient(t);
  unwrap(await client.refresh(signal));
  repo.signed.targets['x-sortbin'] = { revoked: [{ name: 'waste12' }] };
  repo.publish();
  const fault = faultOf(await client.refresh(signal));
  assert.equal(fault.code, 'update-metadata-invalid');
  assert.match(fault.message, /targets: x-sortbin: .*revoked\[0\]\.version/s);
  assert.equal(unwrap(await client.stored())?.targetsVersion, 2);
});

test('returns the names whose rollout is halted', async (t) => {
  const { client, repo, signal, server } = await makeUpdateClient(t);
  repo.add('glass3/1.0.0', BUNDLE);
  repo.add('paper2/1.0.0', BUNDLE);
  repo.halt('waste12');
  repo.halt('glass3', { schema: 1, halted: false, percent: 10, version: '1.0.0' });
  repo.halt('absent');
  repo.publish();
  assert.deepEqual(unwrap(await client.refresh(signal)).halted, ['waste12']);
  const fetched = () => server.requests.filter((path) => path.startsWith('targets/rollouts/')).length;
  assert.equal(fetched(), 2);

  repo.halt('waste12', { schema: 1, halted: false });
  repo.publish();
  assert.deepEqual(unwrap(await client.refresh(signal)).halted, []);
  assert.equal(fetched(), 3);
});

test('a rollout that this version cannot read counts as halted', async (t) => {
  const { client, repo, signal } = await makeUpdateClient(t);
  repo.halt('waste12', { schema: 2, state: 'paused' });
  repo.publish();
  assert.deepEqual(unwrap(await client.refresh(signal)).halted, ['waste12']);
});

test('refuses a rollout that differs from the signed metadata', async (t) => {
  const { client, repo, signal, server } = await makeUpdateClient(t);
  repo.halt('waste12');
  repo.publish();
  server.answer('.waste12.json', (_request, response) => response.end('{"schema":1,"halted":false}'));
  assert.equal(faultOf(await client.refresh(signal)).code, 'update-file-invalid');
});

test('nothing is halted without the role rollouts', async (t) => {
  const { client, repo, signal } = await makeUpdateClient(t);
  repo.halt('waste12');
  delete repo.signed.targets.delegations;
  repo.publish();
  assert.deepEqual(unwrap(await client.refresh(signal)).halted, []);
});

test('a repository without bundles has an empty catalogue', async (t) => {
  const { client, repo, signal } = await makeUpdateClient(t);
  repo.signed.targets.targets = {};
  repo.publish();
  assert.deepEqual(unwrap(await client.refresh(signal)).bundles, []);
  assert.deepEqual(unwrap(await client.stored())?.bundles, []);
});

test('refuses a repository without consistent snapshots', async (t) => {
  const { client, repo, signal } = await makeUpdateClient(t);
  repo.signed.root.consistent_snapshot = false;
  repo.rotate();
  for (const role of ['targets', 'rollouts', 'snapshot']) {
    repo.files.set(`metadata/${role}.json`, repo.read(`metadata/2.${role}.json`));
  }
  const fault = faultOf(await client.refresh(signal));
  assert.equal(fault.code, 'update-metadata-invalid');
  assert.match(fault.message, /root: consistent_snapshot must be true/);
});
