import assert from 'node:assert/strict';
import { cpSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { planAdd } from '../../../device/tools/release/add.js';
import { systemDisk } from '../../../device/tools/release/folder/disk.js';
import { keyIdsOf } from '../../../device/tools/release/folder/metadata.js';
import { openKey, parseKeyFile } from '../../../device/tools/release/keys/key-file.js';
import { type Plan, ROLES, type Role } from '../../../device/tools/release/release.js';
import { planRemove } from '../../../device/tools/release/remove.js';
import { planRevoke } from '../../../device/tools/release/revoke.js';
import { planRollout } from '../../../device/tools/release/rollout.js';
import { planRotate } from '../../../device/tools/release/rotate.js';
import { planSign, planTimestamp } from '../../../device/tools/release/sign.js';
import { writeFakeBundle } from '../../support/fake-bundle.js';
import { applied, DAY_MS, FailingDisk, Repository, temporaryFolder } from './support.js';
import { TufClient } from './tuf-client.js';

/** More writes than any command makes. */
const MAX_WRITES = 40;

type MakePlan = (repository: Repository) => Promise<Plan> | Plan;

/** Runs a command once for each of its writes, which fails. Returns the number of writes. */
const interrupt = async (
  template: Repository,
  t: Pick<TestContext, 'after'>,
  command: (repository: Repository) => Promise<unknown>,
  check: (repository: Repository, label: string) => Promise<void>,
  failure: 'kill' | 'full disk' = 'kill',
): Promise<number> => {
  for (let failAt = 1; failAt < MAX_WRITES; failAt++) {
    const repository = new Repository(temporaryFolder(t), template.nowMs);
    cpSync(template.base, repository.base, { recursive: true });
    repository.disk = new FailingDisk(failAt, failure);
    const error = await command(repository).then(
      () => null,
      (thrown: Error) => thrown,
    );
    if (!error) return failAt - 1;
    assert.match(error.message, /no space left/);
    repository.disk = systemDisk;
    await check(repository, `write ${failAt}`);
  }
  return assert.fail('the command does not end');
};

/** A repository with a bundle, signed four days ago, so that some roles can be signed again. */
const makeTemplate = async (t: Pick<TestContext, 'after'>): Promise<Repository> => {
  const repository = await Repository.make(t, Date.now() - 4 * DAY_MS);
  for (const version of ['0.9.0', '1.0.0']) {
    const bundle = writeFakeBundle(join(repository.base, version), { version });
    await applied(planAdd(repository.state, bundle, repository.signing()));
  }
  writeFakeBundle(join(repository.base, 'new'), { version: '1.1.0', model: 'new model' });
  repository.nowMs = Date.now();
  // A client that knows this state is copied with the repository.
  await new TufClient(join(repository.base, 'client'), repository.root, repository.folder).refresh();
  return repository;
};

const rotating =
  (role: Role): MakePlan =>
  (repository) => {
    const [replace] = repository.state.root.signed.roles[role]?.keyIDs ?? [];
    const options = { role, replace, folder: repository.keys, passphrase: async () => null };
    return planRotate(repository.state, options, repository.signing());
  };

const COMMANDS: Readonly<Record<string, MakePlan>> = {
  add: (repository) => planAdd(repository.state, join(repository.base, 'new'), repository.signing()),
  timestamp: (repository) => planTimestamp(repository.state, repository.signing()),
  sign: (repository) => planSign(repository.state, repository.signing()),
  revoke: (repository) =>
    planRevoke(repository.state, { name: 'fake', version: '1.0.0' }, 'wrong', repository.signing()),
  remove: (repository) =>
    planRemove(repository.state, { name: 'fake', version: '0.9.0' }, repository.signing()),
  rollout: (repository) => planRollout(repository.state, 'fake', { halted: true }, repository.signing()),
  'rotate root': rotating('root'),
  'rotate targets': rotating('targets'),
  'rotate snapshot': rotating('snapshot'),
  'rotate timestamp': rotating('timestamp'),
  'rotate rollouts': rotating('rollouts'),
};

/** Each key file is whole, and each key that the repository names has a file. */
const checkKeys = async ({ keys, folder, state }: Repository, label: string): Promise<void> => {
  const opened = new Set<string>();
  for (const name of readdirSync(keys).filter((one) => one.endsWith('.key.json'))) {
    const path = join(keys, name);
    const key = await openKey(path, parseKeyFile(path, readFileSync(path, 'utf8')), '');
    opened.add(key?.keyId ?? '');
  }
  const roots = [state.root, ...(state.staged ? [state.staged] : [])];
  const named = ROLES.flatMap((role) =>
    (role === 'rollouts' ? [state.targets] : roots).flatMap((delegator) => keyIdsOf(delegator, role)),
  );
  assert.ok(named.length >= 7 && named.every((keyId) => opened.has(keyId)), `${label}: ${folder}`);
};

describe('a command that a kill or a full disk interrupts at any write', () => {
  for (const [name, makePlan] of Object.entries(COMMANDS))
    it(`leaves a valid repository: ${name}`, async (t) => {
      const template = await makeTemplate(t);
      const run = async (repository: Repository) => applied(makePlan(repository));
      const writes = await interrupt(template, t, run, async (repository, label) => {
        const known = new TufClient(join(repository.base, 'client'), repository.root, repository.folder);
        await known.refresh().catch((thrown) => assert.fail(`${label}: ${thrown}`));
        await repository.verify().catch((thrown) => assert.fail(`${label}: ${thrown}`));
        await checkKeys(repository, label);
        // A new key that waits is finished by signing, and anything else by the same command.
        const repeat = repository.state.staged ? COMMANDS.sign : makePlan;
        await (await repeat?.(repository))?.apply?.();
        assert.equal(repository.state.staged, null, label);
        await known.refresh().catch((thrown) => assert.fail(`${label}, repeated: ${thrown}`));
        const left = existsSync(join(repository.folder, 'targets/fake/0.9.0'));
        assert.equal(left, name !== 'remove', label);
      });
      assert.ok(writes > (name === 'timestamp' || name === 'sign' ? 0 : 2), `${writes} writes`);
    });

  it('leaves no repository, or a valid one: init', async (t) => {
    const template = new Repository(temporaryFolder(t));
    await interrupt(
      template,
      t,
      (repository) => repository.init(),
      async (repository, label) => {
        if (existsSync(join(repository.folder, 'metadata'))) {
          await checkKeys(repository, label);
          return void (await repository.verify());
        }
        const another = new Repository(repository.base);
        Object.assign(another, { keys: join(repository.base, `keys-${label}`) });
        await another.init();
        await another.verify();
        await checkKeys(another, label);
      },
    );
  });

  for (const role of ROLES)
    it(`leaves each key that the repository names, and no other new one: rotate ${role}, full disk`, async (t) => {
      const template = await makeTemplate(t);
      const run = async (repository: Repository) => applied(rotating(role)(repository));
      const check = async (repository: Repository, label: string) => {
        await checkKeys(repository, label);
        const { root, staged, targets } = repository.state;
        const isNamed = staged !== null || root.signed.version > 1 || targets.signed.version !== before;
        assert.equal(readdirSync(repository.keys).length, isNamed ? 8 : 7, label);
      };
      const before = template.state.targets.signed.version;
      await interrupt(template, t, run, check, 'full disk');
    });
});
