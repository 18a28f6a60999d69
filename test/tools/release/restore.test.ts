import assert from 'node:assert/strict';
import { cpSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { pathToFileURL } from 'node:url';
import { SystemClock } from '../../../device/kit/clock.js';
import { planAdd } from '../../../device/tools/release/add.js';
import { planRevoke } from '../../../device/tools/release/revoke.js';
import { planRollout } from '../../../device/tools/release/rollout.js';
import { planSign, planTimestamp } from '../../../device/tools/release/sign.js';
import type { Catalogue } from '../../../device/update/repository/repository.js';
import { TufRepository } from '../../../device/update/repository/tuf-repository.js';
import { writeFakeBundle } from '../../support/fake-bundle.js';
import { unwrap } from '../../support/unwrap.js';
import { applied, DAY_MS, Repository } from './support.js';

const OLD = { name: 'fake', version: '1.0.0' };

/** A repository with a backup, which was changed since in `change`, and a bin that has seen the change. */
const restored = async (t: TestContext, change: (repository: Repository) => Promise<unknown>) => {
  const repository = await Repository.make(t, Date.now() - 20 * DAY_MS);
  const { base, folder } = repository;
  const add = (version: string) => {
    const bundle = writeFakeBundle(join(base, version), { version, model: version });
    return applied(planAdd(repository.state, bundle, repository.signing()));
  };
  await add('1.0.0');
  cpSync(folder, join(base, 'backup'), { recursive: true });
  const bin = new TufRepository({
    folder: join(base, 'bin'),
    url: pathToFileURL(`${folder}/`),
    builtAtMs: repository.nowMs,
    clock: new SystemClock(),
  });
  unwrap(await bin.trustRoot(readFileSync(repository.root, 'utf8')));
  repository.nowMs = Date.now() - 60_000;
  await change(repository);
  const refresh = async (): Promise<Catalogue> => unwrap(await bin.refresh(new AbortController().signal));
  await refresh();
  rmSync(folder, { recursive: true });
  cpSync(join(base, 'backup'), folder, { recursive: true });
  repository.nowMs = Date.now();
  return { repository, add, refresh };
};

describe('a repository from an older backup', () => {
  it('is accepted by a bin that has seen a newer one, after a new revocation', async (t) => {
    const { repository, refresh } = await restored(t, async (one) => {
      const bundle = writeFakeBundle(join(one.base, '1.1.0'), { version: '1.1.0' });
      await applied(planAdd(one.state, bundle, one.signing()));
      await applied(planRevoke(one.state, OLD, 'wrong', one.signing()));
    });
    await assert.rejects(repository.verify(), { code: 'release-expired' });
    await applied(planRevoke(repository.state, OLD, 'wrong again', repository.signing()));
    await repository.verify();
    const { bundles, revoked } = await refresh();
    assert.deepEqual(
      [bundles.map(({ version }) => version), revoked.map(({ reason }) => reason)],
      [['1.0.0'], ['wrong again']],
    );
  });

  it('is accepted after sign --all, also if rollouts and all other roles have changed since', async (t) => {
    const { repository, add, refresh } = await restored(t, async (one) => {
      const bundle = writeFakeBundle(join(one.base, 'new'), { version: '1.2.0' });
      await applied(planAdd(one.state, bundle, one.signing()));
      await applied(planRollout(one.state, 'fake', { halted: true }, one.signing()));
      await applied(planTimestamp(one.state, one.signing()));
    });
    const { json } = await applied(planSign(repository.state, repository.signing(), true));
    assert.deepEqual(json, { signed: ['targets', 'rollouts', 'snapshot', 'timestamp'], left: [] });
    await repository.verify();
    const catalogue = await refresh();
    assert.deepEqual([catalogue.bundles.map(({ version }) => version), catalogue.halted], [['1.0.0'], []]);
    await add('1.3.0');
    assert.equal((await refresh()).bundles.length, 2);
  });
});
