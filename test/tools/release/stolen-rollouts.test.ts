import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { planAdd } from '../../../device/tools/release/add.js';
import {
  bytesOf,
  type Json,
  type MetadataOf,
  makeMetadata,
  SIGNED_AT,
  sha256Of,
  tufTime,
} from '../../../device/tools/release/folder/metadata.js';
import { metaOf } from '../../../device/tools/release/folder/publish.js';
import { metadataPath, nextVersion, TIMESTAMP } from '../../../device/tools/release/folder/state.js';
import { makeKey, publicJsonOf } from '../../../device/tools/release/keys/key-file.js';
import type { Plan } from '../../../device/tools/release/release.js';
import { planRevoke } from '../../../device/tools/release/revoke.js';
import { planRotate } from '../../../device/tools/release/rotate.js';
import { planSign, planTimestamp } from '../../../device/tools/release/sign.js';
import { writeFakeBundle } from '../../support/fake-bundle.js';
import { applied, Repository } from './support.js';

const ONLINE = ['snapshot', 'timestamp', 'rollouts'] as const;
const EVIL = 'evil/1.0.0/manifest.json';

/** Publishes a part of `rollouts` as somebody does who has the online keys, without the tool. */
const publishStolen = async (repository: Repository, change: Json): Promise<void> => {
  const { state, folder, nowMs, disk } = repository;
  const { ring } = repository.signing();
  const sign = async <R extends (typeof ONLINE)[number]>(role: R, part: Json): Promise<MetadataOf[R]> => {
    const by = role === 'rollouts' ? state.targets.signed.delegations?.roles : state.root.signed.roles;
    const version = nextVersion(state, role, nowMs);
    const signers = await ring.signers(by?.[role]?.keyIDs ?? []);
    const metadata = makeMetadata(role, { ...state[role].signed.toJSON(), ...part, version }, signers);
    const name = role === 'timestamp' ? TIMESTAMP : `${version}.${role}.json`;
    disk.write(metadataPath(folder, name), bytesOf(metadata));
    return metadata;
  };
  const rollouts = await sign('rollouts', change);
  const meta = { ...(state.snapshot.signed.toJSON().meta as Json), 'rollouts.json': metaOf(rollouts) };
  const snapshot = await sign('snapshot', { meta });
  const signedAt = { [SIGNED_AT]: tufTime(nowMs) };
  await sign('timestamp', { meta: { 'snapshot.json': metaOf(snapshot) }, ...signedAt });
};

const CHANGES: Readonly<Record<string, { readonly change: Json; readonly problem: RegExp }>> = {
  'a bundle': {
    change: { targets: { [EVIL]: { length: 4, hashes: { sha256: sha256Of(Buffer.from('evil')) } } } },
    problem: /rollouts names evil\/1\.0\.0\/manifest\.json, which is no file of a rollout\. Its key may be/,
  },
  delegations: {
    change: (() => {
      const { keyId, public: raw } = makeKey('rollouts');
      const role = { name: 'evil', keyids: [keyId], threshold: 1, paths: ['rollouts/*'], terminating: true };
      return { delegations: { keys: { [keyId]: publicJsonOf(raw) }, roles: [role] } };
    })(),
    problem: /\.rollouts\.json: this role must not delegate, so that bins refuse this repository/,
  },
};

const CURES: Readonly<Record<string, (repository: Repository) => Plan | Promise<Plan>>> = {
  add: (repository) => {
    const bundle = writeFakeBundle(join(repository.base, 'new'), { version: '1.1.0' });
    return planAdd(repository.state, bundle, repository.signing());
  },
  revoke: (repository) =>
    planRevoke(repository.state, { name: 'fake', version: '1.0.0' }, 'wrong', repository.signing()),
  sign: (repository) => planSign(repository.state, repository.signing()),
  timestamp: (repository) => planTimestamp(repository.state, repository.signing()),
  rotate: (repository) => {
    const options = { role: 'rollouts', replace: undefined, folder: repository.keys } as const;
    return planRotate(repository.state, { ...options, passphrase: async () => null }, repository.signing());
  },
};

const attacked = async (t: TestContext, change: Json): Promise<Repository> => {
  const repository = await Repository.make(t);
  const bundle = writeFakeBundle(join(repository.base, 'bundle'));
  await applied(planAdd(repository.state, bundle, repository.signing()));
  await publishStolen(repository, change);
  return repository;
};

for (const [name, { change, problem }] of Object.entries(CHANGES))
  describe(`rollouts with ${name}, which a stolen online key has signed`, () => {
    it('fails the verification, which names the cure', async (t) => {
      const repository = await attacked(t, change);
      await assert.rejects(repository.verify(), { code: 'release-invalid', message: problem });
      await assert.rejects(
        repository.verify(),
        /replace it with "sortbin release rotate REPOSITORY rollouts"/,
      );
    });

    for (const [command, plan] of Object.entries(CURES))
      it(`is valid again after ${command}`, async (t) => {
        const repository = await attacked(t, change);
        await applied(plan(repository));
        const { signed } = repository.state.rollouts;
        assert.deepEqual([signed.targets, signed.delegations], [{}, undefined]);
        await repository.verify();
      });

    it('does not stop a revocation if the key of rollouts is lost', async (t) => {
      const repository = await attacked(t, change);
      repository.moveKeys(join(repository.base, 'lost'), /^rollouts-/);
      await applied(CURES.revoke?.(repository) ?? assert.fail());
      assert.equal(repository.state.targets.signed.unrecognizedFields['x-sortbin'] !== undefined, true);
      await assert.rejects(repository.verify(), { message: problem });
    });
  });
