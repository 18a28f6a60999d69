import assert from 'node:assert/strict';
import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { planAdd } from '../../../device/tools/release/add.js';
import { planRemove } from '../../../device/tools/release/remove.js';
import { planRevoke, planUndoRevoke } from '../../../device/tools/release/revoke.js';
import { planRollout } from '../../../device/tools/release/rollout.js';
import { type FakeBundle, writeFakeBundle } from '../../support/fake-bundle.js';
import { applied, Repository } from './support.js';

const ID = { name: 'fake', version: '1.0.0' };

const add = async (repository: Repository, bundle: FakeBundle = {}) => {
  const folder = writeFakeBundle(join(repository.base, `${bundle.name}-${bundle.version}`), bundle);
  return planAdd(repository.state, folder, repository.signing());
};

describe('adding a bundle', () => {
  it('publishes each file of the folder under its hash, with all metadata of the repository', async (t) => {
    const repository = await Repository.make(t);
    const { json } = await applied(add(repository));
    const { targets, snapshot, timestamp } = repository.state;
    assert.deepEqual(
      Object.keys(targets.signed.targets),
      [
        'golden/NOTICE',
        'golden/inputs.json',
        'golden/tflite.json',
        'labels.txt',
        'manifest.json',
        'model_int8.tflite',
      ].map((file) => `fake/1.0.0/${file}`),
    );
    const inputs = targets.signed.targets['fake/1.0.0/golden/inputs.json'];
    const path = `targets/fake/1.0.0/golden/${inputs?.hashes.sha256}.inputs.json`;
    assert.equal(readFileSync(join(repository.folder, path), 'utf8'), '{"inputs":[]}');
    const now = Math.floor(repository.nowMs / 1000);
    assert.deepEqual([json.changed, targets.signed.version, snapshot.signed.version], [true, now, now]);
    assert.equal(timestamp.signed.version, now);
    assert.equal((await repository.verify()).files, 6);
  });

  it('changes nothing if the same content is published already', async (t) => {
    const repository = await Repository.make(t);
    await applied(add(repository));
    const plan = await add(repository);
    assert.deepEqual([plan.apply, plan.unchanged?.json.changed], [null, false]);
    assert.deepEqual(plan.unchanged?.lines, ['fake@1.0.0: published already. Nothing was changed.']);
  });

  it('refuses a version that exists with other content', async (t) => {
    const repository = await Repository.make(t);
    await applied(add(repository));
    await assert.rejects(add(repository, { model: 'another model' }), {
      code: 'release-exists',
      message: /fake@1\.0\.0: published already with other content.*Give the bundle a new version/,
    });
  });

  it('refuses a damaged bundle, and names and files that a repository does not allow', async (t) => {
    const repository = await Repository.make(t);
    const bundle = writeFakeBundle(join(repository.base, 'bundle'));
    const plan = () => planAdd(repository.state, bundle, repository.signing());
    writeFileSync(join(bundle, '.DS_Store'), '');
    await assert.rejects(plan(), { code: 'release-name', message: /\.DS_Store: the name is not allowed/ });
    writeFakeBundle(join(repository.base, 'other'));
    symlinkSync('labels.txt', join(repository.base, 'other', 'link'));
    await assert.rejects(planAdd(repository.state, join(repository.base, 'other'), repository.signing()), {
      message: /link: not a regular file/,
    });
    const names: readonly [FakeBundle, RegExp][] = [
      [{ name: 'a.b' }, /name "a\.b" is not allowed/],
      [{ name: 'rollouts' }, /name "rollouts" is not allowed/],
      [
        { version: '1.0.0+edgetpu' },
        /version "1\.0\.0\+edgetpu" is not allowed. Use a semantic version without/,
      ],
    ];
    for (const [wrong, message] of names)
      await assert.rejects(add(repository, wrong), { code: 'release-name', message });
    writeFileSync(join(bundle, 'model_int8.tflite'), 'damaged');
    await assert.rejects(plan(), { code: 'bundle-damaged' });
    assert.equal(repository.state.targets.signed.version, 1);
  });

  it('never overwrites a published file', async (t) => {
    const repository = await Repository.make(t);
    await applied(add(repository));
    const next = repository.state.targets.signed.version + 1;
    const path = join(repository.folder, 'metadata', `${next}.targets.json`);
    writeFileSync(path, 'left by an interrupted run');
    await applied(add(repository, { version: '1.1.0' }));
    assert.equal(readFileSync(path, 'utf8'), 'left by an interrupted run');
    assert.equal(repository.state.targets.signed.version, next + 1);
    await repository.verify();
  });
});

describe('removing a version', () => {
  it('deletes its files, keeps its revocation, and never takes its name again', async (t) => {
    const repository = await Repository.make(t);
    await applied(add(repository));
    await applied(add(repository, { version: '1.1.0' }));
    const newest = { ...ID, version: '1.1.0' };
    assert.throws(() => planRemove(repository.state, newest, repository.signing()), {
      code: 'release-option',
      message: /fake@1\.1\.0: the newest version that is not revoked/,
    });
    await applied(planRemove(repository.state, ID, repository.signing()));
    assert.ok(!existsSync(join(repository.folder, 'targets/fake/1.0.0')));
    assert.equal((await repository.verify()).files, 6);
    await assert.rejects(add(repository), { code: 'release-exists', message: /was removed/ });
    await applied(planRevoke(repository.state, ID, 'wrong', repository.signing()));
    await repository.verify();
  });
});

describe('a revocation', () => {
  it('is signed with its reason and time, and can be taken back', async (t) => {
    const repository = await Repository.make(t);
    await applied(add(repository));
    repository.nowMs = Math.floor(repository.nowMs / 1000) * 1000;
    const extension = () => repository.state.targets.signed.unrecognizedFields['x-sortbin'];
    await applied(planRevoke(repository.state, ID, 'sorts glass as paper', repository.signing()));
    const at = new Date(repository.nowMs).toISOString().replace('.000', '');
    assert.deepEqual(extension(), { revoked: [{ ...ID, reason: 'sorts glass as paper', at }] });
    const again = planRevoke(repository.state, ID, 'again', repository.signing());
    assert.deepEqual(again.unchanged?.lines, ['fake@1.0.0: revoked already. Nothing was changed.']);
    await applied(planUndoRevoke(repository.state, ID, repository.signing()));
    assert.deepEqual(extension(), { revoked: [] });
    assert.equal(planUndoRevoke(repository.state, ID, repository.signing()).apply, null);
    await repository.verify();
  });

  it('names the versions if the version does not exist', async (t) => {
    const repository = await Repository.make(t);
    await applied(add(repository, { version: '1.10.0' }));
    await applied(add(repository, { version: '1.9.0' }));
    assert.throws(() => planRevoke(repository.state, ID, 'x', repository.signing()), {
      code: 'release-missing',
      message: 'fake@1.0.0: not in the repository. Versions of fake: 1.9.0, 1.10.0.',
    });
  });
});

describe('a rollout', () => {
  it('is halted and resumed with the online keys alone, and keeps its other values', async (t) => {
    const repository = await Repository.make(t);
    await applied(add(repository));
    await applied(add(repository, { version: '1.1.0' }));
    const online = join(repository.base, 'online');
    repository.moveKeys(online, /^(snapshot|timestamp|rollouts)-/);
    const rollout = async (change: Parameters<typeof planRollout>[2]) => {
      await applied(planRollout(repository.state, 'fake', change, repository.signing(online)));
      const target = repository.state.rollouts.signed.targets['rollouts/fake.json'];
      const path = `targets/rollouts/${target?.hashes.sha256}.fake.json`;
      return JSON.parse(readFileSync(join(repository.folder, path), 'utf8'));
    };
    assert.deepEqual(await rollout({ halted: true }), {
      ...{ schema: 1, halted: true, percent: 100, version: '1.1.0' },
    });
    assert.equal((await rollout({ percent: 10, version: '1.0.0' })).halted, true);
    assert.deepEqual(await rollout({ halted: false }), {
      ...{ schema: 1, halted: false, percent: 10, version: '1.0.0' },
    });
    assert.equal(
      planRollout(repository.state, 'fake', { percent: 10 }, repository.signing(online)).apply,
      null,
    );
    assert.equal((await repository.verify()).files, 13);
    const bundle = join(repository.base, 'fake-1.2.0');
    writeFakeBundle(bundle, { version: '1.2.0' });
    await assert.rejects(applied(planAdd(repository.state, bundle, repository.signing(online))), {
      code: 'release-key',
      message: /^targets: no key file in .*online has the key [0-9a-f]{8}\. Name its folder with --keys\./,
    });
    assert.ok(!existsSync(join(repository.folder, 'targets/fake/1.2.0')));
  });

  it('of a bundle or a version that is missing or revoked is refused, but a halt is always possible', async (t) => {
    const repository = await Repository.make(t);
    await applied(add(repository));
    const plan = (name: string, change: Parameters<typeof planRollout>[2]) =>
      planRollout(repository.state, name, change, repository.signing());
    assert.throws(() => plan('other', { halted: true }), {
      code: 'release-missing',
      message: 'other: no bundle of this name in the repository. Check the name.',
    });
    assert.throws(() => plan('fake', { version: '2.0.0' }), /fake@2\.0\.0: not in the repository/);
    await applied(planRevoke(repository.state, ID, 'wrong', repository.signing()));
    assert.throws(() => plan('fake', { version: '1.0.0' }), /fake@1\.0\.0: revoked/);
    await applied(plan('fake', { halted: true }));
    await repository.verify();
  });
});
