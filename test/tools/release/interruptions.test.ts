import assert from 'node:assert/strict';
import { cpSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { planAdd } from '../../../device/tools/release/add.js';
import { systemDisk } from '../../../device/tools/release/folder/disk.js';
import type { Plan, Role } from '../../../device/tools/release/release.js';
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
): Promise<number> => {
  for (let failAt = 1; failAt < MAX_WRITES; failAt++) {
    const repository = new Repository(temporaryFolder(t), template.nowMs);
    cpSync(template.base, repository.base, { recursive: true });
    repository.disk = new FailingDisk(failAt);
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
  const bundle = writeFakeBundle(join(repository.base, 'old'));
  await applied(planAdd(repository.state, bundle, repository.signing()));
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
  rollout: (repository) => planRollout(repository.state, 'fake', { halted: true }, repository.signing()),
  'rotate root': rotating('root'),
  'rotate targets': rotating('targets'),
  'rotate snapshot': rotating('snapshot'),
  'rotate timestamp': rotating('timestamp'),
  'rotate rollouts': rotating('rollouts'),
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
        // A new key that waits is finished by signing, and anything else by the same command.
        const repeat = repository.state.staged ? COMMANDS.sign : makePlan;
        await (await repeat?.(repository))?.apply?.();
        assert.equal(repository.state.staged, null, label);
        await known.refresh().catch((thrown) => assert.fail(`${label}, repeated: ${thrown}`));
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
        if (existsSync(join(repository.folder, 'metadata'))) return void (await repository.verify());
        const another = new Repository(repository.base);
        Object.assign(another, { keys: join(repository.base, `keys-${label}`) });
        await another.init();
        await another.verify();
      },
    );
  });
});
