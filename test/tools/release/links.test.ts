import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, renameSync, symlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { planAdd } from '../../../device/tools/release/add.js';
import { planRemove } from '../../../device/tools/release/remove.js';
import { serveRepository } from '../../../device/tools/release/serve.js';
import { writeFakeBundle } from '../../support/fake-bundle.js';
import { applied, contentsOf, Repository } from './support.js';

const LINK = {
  code: 'release-invalid',
  message: /: a symbolic link leads out of the repository\. Replace it/,
};

/** Adds a bundle, whose folder is outside of the repository. */
const add = (repository: Repository, version: string, folder = repository.base) => {
  const bundle = writeFakeBundle(join(folder, version), { version, model: version });
  return planAdd(repository.state, bundle, repository.signing());
};

/** Moves a part of the repository out of it, and leaves a link there. */
const moveOut = ({ base, folder }: Repository, path: string, target = join(base, basename(path))): void => {
  renameSync(join(folder, path), join(base, basename(path)));
  symlinkSync(target, join(folder, path));
};

const labelsOf = (repository: Repository): string => {
  const target = repository.state.targets.signed.targets['fake/1.0.0/labels.txt'];
  return `targets/fake/1.0.0/${target?.hashes.sha256}.labels.txt`;
};

const statusOf = async (t: TestContext, { folder }: Repository, path: string): Promise<number> => {
  const server = await serveRepository(folder, '127.0.0.1', 0);
  t.after(() => server.close());
  return (await fetch(`${server.url}/${path}`)).status;
};

describe('a bundle with symbolic links', () => {
  for (const [path, code, message] of [
    ['labels.txt', 'bundle-damaged', /labels\.txt: symbolic link to .*, outside the folder/],
    ['golden', 'bundle-damaged', /golden\/inputs\.json: symbolic link to .*, outside the folder/],
    // No digest of the manifest covers this one.
    ['golden/NOTICE', 'release-name', /bundle\/golden\/NOTICE: not a regular file/],
  ] as const)
    it(`is refused: ${path}`, async (t) => {
      const repository = await Repository.make(t);
      const bundle = writeFakeBundle(join(repository.base, 'bundle'));
      renameSync(join(bundle, path), join(repository.base, 'elsewhere'));
      symlinkSync(join(repository.base, 'elsewhere'), join(bundle, path));
      const before = contentsOf(repository.folder);
      await assert.rejects(planAdd(repository.state, bundle, repository.signing()), { code, message });
      assert.deepEqual(contentsOf(repository.folder), before);
    });

  it('is published if only its folder is a link', async (t) => {
    const repository = await Repository.make(t);
    writeFakeBundle(join(repository.base, 'bundle'));
    symlinkSync('bundle', join(repository.base, 'link'));
    await applied(planAdd(repository.state, join(repository.base, 'link'), repository.signing()));
    assert.equal((await repository.verify()).files, 6);
  });
});

describe('a repository with a symbolic link out of it', () => {
  for (const where of ['targets/fake', 'targets/fake/1.0.0', 'a file'])
    it(`is not served, and not valid: ${where}`, async (t) => {
      const repository = await Repository.make(t);
      const bundles = join(repository.base, 'bundles');
      await applied(add(repository, '1.0.0', bundles));
      const file = labelsOf(repository);
      assert.equal(await statusOf(t, repository, file), 200);
      await repository.verify();
      moveOut(repository, where === 'a file' ? file : where);
      assert.equal(await statusOf(t, repository, file), 404);
      await assert.rejects(repository.verify(), LINK);
    });

  for (const kind of ['elsewhere', 'nowhere'])
    it(`gets no bundle through it, and loses nothing elsewhere: a link ${kind}`, async (t) => {
      const repository = await Repository.make(t);
      await applied(add(repository, '1.0.0'));
      await applied(add(repository, '1.1.0'));
      moveOut(repository, 'targets/fake', kind === 'nowhere' ? '/nowhere/fake' : undefined);
      const [metadata, outside] = [join(repository.folder, 'metadata'), join(repository.base, 'fake')];
      const before = [contentsOf(metadata), contentsOf(outside)];
      await assert.rejects(applied(add(repository, '1.2.0')), LINK);
      const old = { name: 'fake', version: '1.0.0' };
      await assert.rejects(applied(planRemove(repository.state, old, repository.signing())), LINK);
      assert.deepEqual([contentsOf(metadata), contentsOf(outside)], before);
    });

  it('does not take a file elsewhere as published', async (t) => {
    const repository = await Repository.make(t);
    await applied(add(repository, '1.0.0'));
    const other = new Repository(join(repository.base, 'other'));
    mkdirSync(other.base);
    await other.init();
    const file = labelsOf(repository);
    mkdirSync(join(other.folder, 'targets/fake/1.0.0'), { recursive: true });
    symlinkSync(join(repository.folder, file), join(other.folder, file));
    await assert.rejects(applied(add(other, '1.0.0')), LINK);
    assert.deepEqual(readdirSync(join(other.folder, 'targets/fake/1.0.0')), [basename(file)]);
  });

  it('is valid if the folder of all targets is the link, such as another disk', async (t) => {
    const repository = await Repository.make(t);
    moveOut(repository, 'targets');
    await applied(add(repository, '1.0.0'));
    assert.equal(await statusOf(t, repository, labelsOf(repository)), 200);
    assert.equal((await repository.verify()).files, 6);
    assert.ok(existsSync(join(repository.base, 'targets/fake/1.0.0')));
  });
});
