import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { packageRoot } from '../../../device/kit/root.js';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { TufRepository } from '../../../device/update/repository/tuf-repository.js';
import { unwrap } from '../../support/unwrap.js';
import { bundlesOf } from '../../support/update/update-client.js';

/** Made by the reference implementation of TUF, in Python: see make.py there. */
const REPOSITORY = join(packageRoot(), 'test/update/repository/python-tuf');

test('refreshes from a repository of another TUF implementation, and downloads a bundle', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sortbin-python-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const { signal } = new AbortController();
  const url = pathToFileURL(REPOSITORY);
  const client = new TufRepository({ folder, url, builtAtMs: 0, clock: new SimulatedClock() });
  const root = unwrap(await client.trustRoot(readFileSync(join(REPOSITORY, 'metadata/1.root.json'), 'utf8')));
  assert.equal(root.keyIds.length, 3);
  assert.equal(root.threshold, 2);

  const catalogue = unwrap(await client.refresh(signal));
  assert.equal(unwrap(await client.trustedRoot())?.version, 2);
  assert.deepEqual(bundlesOf(catalogue), ['waste12@1.4.0']);
  assert.deepEqual(catalogue.halted, ['waste12']);
  assert.equal(catalogue.revoked[0]?.version, '1.3.0');
  assert.equal(catalogue.signedAtMs, Date.UTC(2026, 0, 1));
  assert.deepEqual(unwrap(await client.stored()), catalogue);
  const contents = new Map<string, string>();
  for (const target of catalogue.bundles[0]?.files ?? []) {
    const into = join(folder, target.sha256);
    unwrap(await client.download(target, into, signal));
    contents.set(target.file, readFileSync(into, 'utf8'));
  }
  assert.deepEqual(Object.fromEntries(contents), {
    'manifest.json': '{"name":"waste12","version":"1.4.0"}\n',
    'labels.txt': 'glass\npaper\n',
    'golden/inputs.json': '[]\n',
  });
});
