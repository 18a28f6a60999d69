import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { planAdd } from '../../../device/tools/release/add.js';
import { type Json, sha256Of } from '../../../device/tools/release/folder/metadata.js';
import { publish } from '../../../device/tools/release/folder/publish.js';
import { METADATA_LIMITS } from '../../../device/update/repository/limits.js';
import { writeFakeBundle } from '../../support/fake-bundle.js';
import { applied, contentsOf, Repository } from './support.js';

/** Files of the bundle that `writeFakeBundle` writes. */
const BUNDLE_FILES = 6;

/** Publishes metadata with so many files, which do not exist. */
const fill = async (repository: Repository, count: number): Promise<void> => {
  const { state } = repository;
  const target = { length: 1, hashes: { sha256: sha256Of(Buffer.from('x')) } };
  const path = (index: number) => `other/1.0.0/${index}.bin`;
  const targets: Json = Object.fromEntries(
    Array.from({ length: count }, (_, index) => [path(index), target]),
  );
  await publish(state, { targets: { ...state.targets.signed.toJSON(), targets } }, repository.signing());
};

describe('a repository with as many files as bins accept', () => {
  it('takes the last bundle that fits, and refuses one more before it changes anything', async (t) => {
    const repository = await Repository.make(t);
    await fill(repository, METADATA_LIMITS.entries - BUNDLE_FILES);
    const plan = (version: string) => {
      const bundle = writeFakeBundle(join(repository.base, version), { version });
      return planAdd(repository.state, bundle, repository.signing());
    };
    await applied(plan('1.0.0'));
    const before = contentsOf(repository.folder);
    await assert.rejects(plan('1.1.0'), {
      code: 'release-full',
      message:
        /repository: 2048 files, and 6 more would exceed 2048, which bins refuse\. Remove old bundles with "sortbin release remove"\.$/,
    });
    assert.deepEqual(contentsOf(repository.folder), before);
  });

  it('signs nothing that bins refuse, whatever a command asks for', async (t) => {
    const repository = await Repository.make(t);
    const before = contentsOf(repository.base);
    await assert.rejects(fill(repository, METADATA_LIMITS.entries + 1), {
      code: 'release-full',
      message: /^targets: more than 2048 entries in one place, which bins refuse/,
    });
    assert.deepEqual(contentsOf(repository.base), before);
  });
});
