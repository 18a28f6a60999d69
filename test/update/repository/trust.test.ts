import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { deferred } from '../../../device/kit/deferred.js';
import { unwrap } from '../../support/unwrap.js';
import { sendFile } from '../../support/update/repository-server.js';
import { DAY_MS, START_MS, TestRepository } from '../../support/update/test-repository.js';
import { BUNDLE, bundlesOf, faultOf, makeUpdateClient, modelOf } from '../../support/update/update-client.js';

const withFolder = async (t: Parameters<typeof makeUpdateClient>[0]) => {
  const made = await makeUpdateClient(t);
  return { ...made, path: (name: string) => join(made.folder, 'metadata', name) };
};

test('trusts nothing until an owner chose a root', async (t) => {
  const { client, signal, path, folder, server } = await withFolder(t);
  const target = modelOf(unwrap(await client.refresh(signal)));
  server.requests.length = 0;
  rmSync(path('root.json'));
  const answers = [
    await client.refresh(signal),
    await client.stored(),
    await client.download(target, join(folder, 'model'), signal),
  ];
  for (const answer of answers) {
    assert.equal(faultOf(answer).code, 'update-untrusted');
    assert.equal(faultOf(answer).message, 'No root of trust. Choose one with `sortbin model trust`.');
  }
  assert.equal(unwrap(await client.trustedRoot()), null);
  assert.deepEqual(server.requests, []);
});

test('shows the key ids, the threshold, the version and the expiry of a root', async (t) => {
  const { client, repo } = await withFolder(t);
  const expected = {
    version: 1,
    keyIds: repo.keys.root.map(({ id }) => id),
    threshold: 2,
    expiresAtMs: START_MS + 365 * DAY_MS,
  };
  assert.deepEqual(unwrap(await client.trustRoot(repo.rootJson)), expected);
  assert.deepEqual(unwrap(await client.trustedRoot()), expected);
});

for (const [name, text] of Object.entries({
  'no JSON': 'root',
  'more than 48 KiB': `${new TestRepository().rootJson}${' '.repeat(49_152)}`,
  'another role': new TestRepository().read('metadata/timestamp.json').toString(),
  'a changed root': new TestRepository().rootJson.replace('"threshold":2', '"threshold":1'),
})) {
  test(`refuses to trust ${name}, and keeps the root of before`, async (t) => {
    const { client, repo } = await withFolder(t);
    const fault = faultOf(await client.trustRoot(text));
    assert.equal(fault.code, 'update-untrusted');
    assert.match(fault.message, /^not a root of trust: /);
    assert.deepEqual(
      unwrap(await client.trustedRoot())?.keyIds,
      repo.keys.root.map(({ id }) => id),
    );
  });
}

test('the same root again keeps the metadata and the rotated root', async (t) => {
  const { client, repo, signal, restart } = await withFolder(t);
  repo.rotate('root');
  unwrap(await client.refresh(signal));
  const again = restart();
  unwrap(await again.trustRoot(repo.rootJson));
  assert.equal(unwrap(await again.trustedRoot())?.version, 2);
  assert.deepEqual(bundlesOf(unwrap(await again.stored())), ['waste12@1.4.0']);
});

test('another root replaces the repository', async (t) => {
  const { client, repo, signal, server } = await withFolder(t);
  unwrap(await client.refresh(signal));
  const other = new TestRepository();
  other.add('glass3/1.0.0', BUNDLE);
  other.publish();
  unwrap(await client.trustRoot(other.rootJson));
  assert.equal(unwrap(await client.stored()), null);
  assert.equal(faultOf(await client.refresh(signal)).code, 'update-metadata-invalid');
  repo.files.clear();
  for (const [path, bytes] of other.files) repo.files.set(path, bytes);
  assert.deepEqual(bundlesOf(unwrap(await client.refresh(signal))), ['glass3@1.0.0']);
  assert.ok(server.requests.length > 0);
});

/** Makes the server hold its answer for the timestamp. Returns a function that sends it. */
const holdTimestamp = ({ repo, server }: Awaited<ReturnType<typeof makeUpdateClient>>) => {
  const asked = deferred<() => void>();
  server.answer('timestamp.json', (request, response) =>
    asked.resolve(() => sendFile(request, response, repo.read('metadata/timestamp.json'))),
  );
  return asked.promise;
};

test('another root ends a refresh that runs, without waiting for it', async (t) => {
  const made = await withFolder(t);
  const { client, signal, server } = made;
  const held = holdTimestamp(made);
  const refresh = client.refresh(signal);
  await held;
  const other = new TestRepository();
  unwrap(await client.trustRoot(other.rootJson));
  assert.deepEqual(faultOf(await refresh), {
    code: 'update-untrusted',
    message: 'Another root of trust was chosen meanwhile. Try again.',
  });
  server.reset();
  assert.equal(unwrap(await client.stored()), null);
  assert.match(faultOf(await client.refresh(signal)).message, /has 0 of 1 valid signatures/);
});

test('another root ends a download that runs', async (t) => {
  const { client, signal, server, folder } = await withFolder(t);
  const target = modelOf(unwrap(await client.refresh(signal)));
  const asked = deferred<void>();
  server.answer('model.tflite', () => asked.resolve());
  const download = client.download(target, join(folder, 'model'), signal);
  await asked.promise;
  unwrap(await client.trustRoot(new TestRepository().rootJson));
  assert.equal(faultOf(await download).code, 'update-untrusted');
});

test('the same root again does not disturb a refresh that runs', async (t) => {
  const made = await withFolder(t);
  const { client, signal, repo } = made;
  const held = holdTimestamp(made);
  const refresh = client.refresh(signal);
  const answer = await held;
  unwrap(await client.trustRoot(repo.rootJson));
  answer();
  unwrap(await refresh);
});

test('ignores what a refresh of another client stores for the earlier root', async (t) => {
  const made = await withFolder(t);
  const { client, signal, server, restart } = made;
  const held = holdTimestamp(made);
  const refresh = client.refresh(signal);
  const answer = await held;
  const other = new TestRepository();
  const owner = restart();
  unwrap(await owner.trustRoot(other.rootJson));
  answer();
  unwrap(await refresh);
  server.reset();
  assert.equal(unwrap(await owner.stored()), null);
  assert.deepEqual(
    unwrap(await owner.trustedRoot())?.keyIds,
    other.keys.root.map(({ id }) => id),
  );
  assert.match(faultOf(await owner.refresh(signal)).message, /has 0 of 1 valid signatures/);
});

test('trusts an expired root, and fetches the newer one', async (t) => {
  const { client, repo, clock, signal } = await withFolder(t);
  await clock.advance(400 * DAY_MS);
  repo.advance(400 * DAY_MS);
  repo.rotate();
  repo.publish();
  unwrap(await client.refresh(signal));
});

for (const damage of [
  '',
  '{"schema":1,"metadata":{"root":"{',
  '{"schema":1,"metadata":{}}',
  'null',
  '\0\0\0\0',
]) {
  test(`fetches the metadata again if its file contains ${JSON.stringify(damage)}`, async (t) => {
    const { client, signal, path, restart } = await withFolder(t);
    unwrap(await client.refresh(signal));
    for (const name of ['trusted.json', 'catalogue.json']) writeFileSync(path(name), damage);
    const again = restart();
    assert.equal(unwrap(await again.stored()), null);
    assert.equal(unwrap(await again.trustedRoot())?.version, 1);
    assert.deepEqual(bundlesOf(unwrap(await again.refresh(signal))), ['waste12@1.4.0']);
    assert.deepEqual(bundlesOf(unwrap(await restart().stored())), ['waste12@1.4.0']);
  });
}

for (const role of ['root', 'timestamp', 'snapshot', 'targets', 'rollouts']) {
  test(`fetches the metadata again if the stored ${role} is damaged`, async (t) => {
    const { client, signal, path, restart } = await withFolder(t);
    unwrap(await client.refresh(signal));
    for (const name of ['trusted.json', 'catalogue.json']) {
      const stored = JSON.parse(readFileSync(path(name), 'utf8'));
      stored.metadata[role] = stored.metadata[role].replace(/"sig":"../g, '"sig":"zz');
      writeFileSync(path(name), JSON.stringify(stored));
    }
    const again = restart();
    assert.equal(unwrap(await again.stored()), null);
    unwrap(await again.refresh(signal));
    assert.deepEqual(bundlesOf(unwrap(await again.stored())), ['waste12@1.4.0']);
  });
}

test('replaces folders that have the names of its files', async (t) => {
  const { client, repo, signal, path, restart } = await withFolder(t);
  unwrap(await client.refresh(signal));
  for (const name of ['trusted.json', 'catalogue.json', 'root.json']) {
    rmSync(path(name));
    mkdirSync(path(`${name}/folder`), { recursive: true });
  }
  const again = restart();
  assert.equal(faultOf(await again.refresh(signal)).code, 'update-untrusted');
  unwrap(await again.trustRoot(repo.rootJson));
  for (const name of ['trusted.json', 'catalogue.json'])
    mkdirSync(path(`${name}/folder`), { recursive: true });
  assert.equal(unwrap(await again.stored()), null);
  unwrap(await again.refresh(signal));
  assert.deepEqual(bundlesOf(unwrap(await restart().stored())), ['waste12@1.4.0']);
});

test('reports a damaged root as untrusted', async (t) => {
  const { client, signal, path } = await withFolder(t);
  writeFileSync(path('root.json'), '{');
  for (const answer of [await client.refresh(signal), await client.stored(), await client.trustedRoot()]) {
    assert.equal(faultOf(answer).code, 'update-untrusted');
  }
});

test('removes the working copy of a refresh that was killed', async (t) => {
  const { client, signal, path } = await withFolder(t);
  mkdirSync(path('staging'), { recursive: true });
  writeFileSync(path('staging/timestamp.json'), '{');
  unwrap(await client.refresh(signal));
  assert.deepEqual(readdirSync(path('')).sort(), ['catalogue.json', 'root.json', 'trusted.json']);
});

test('reports a folder that cannot be written', async (t) => {
  const { client, signal, path } = await withFolder(t);
  writeFileSync(path('staging'), '');
  mkdirSync(path('trusted.json.tmp'));
  writeFileSync(path('trusted.json.tmp/x'), '');
  const fault = faultOf(await client.refresh(signal));
  assert.equal(fault.code, 'update-failed');
});
