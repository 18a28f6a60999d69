import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { linesOfPlan } from '../../../device/tools/cli/release-session.js';
import { planAdd } from '../../../device/tools/release/add.js';
import { systemDisk } from '../../../device/tools/release/folder/disk.js';
import { planInit } from '../../../device/tools/release/init.js';
import { type Plan, ROLES } from '../../../device/tools/release/release.js';
import { planRemove } from '../../../device/tools/release/remove.js';
import { planRevoke, planUndoRevoke } from '../../../device/tools/release/revoke.js';
import { planRollout } from '../../../device/tools/release/rollout.js';
import { planRotate } from '../../../device/tools/release/rotate.js';
import { planSign, planTimestamp } from '../../../device/tools/release/sign.js';
import { writeFakeBundle } from '../../support/fake-bundle.js';
import { applied, Repository, temporaryFolder } from './support.js';

/** The longest name and version that a repository allows. */
const NAME = 'n'.repeat(40);
const versionOf = (patch: number) => `1.0.${patch}-${'v'.repeat(58)}`;

const LONG_FOLDER = join(...Array.from({ length: 5 }, () => 'a folder with a long name'.repeat(3)));

it('no line of a plan is wider than 80 columns, with the longest names and long paths', async (t) => {
  const base = join(temporaryFolder(t), LONG_FOLDER);
  mkdirSync(base, { recursive: true });
  const repository = new Repository(base);
  await repository.init();
  const add = (patch: number) => {
    const bundle = writeFakeBundle(join(base, `${patch}`), { name: NAME, version: versionOf(patch) });
    return planAdd(repository.state, bundle, repository.signing());
  };
  const { folder, keys, nowMs } = repository;
  const [first, second] = [0, 1].map((patch) => ({ name: NAME, version: versionOf(patch) }));
  assert.ok(first && second);
  await applied(add(0));
  await applied(add(1));
  await applied(planRevoke(repository.state, second, 'wrong', repository.signing()));
  await applied(add(2));
  const { state } = repository;
  const signing = repository.signing();
  const passphrase = async () => null;
  const [replace] = state.root.signed.roles.root?.keyIDs ?? [];
  const plans: Readonly<Record<string, Plan>> = {
    init: planInit({ repository: `${folder}-2`, keys: `${keys}-2`, passphrase, disk: systemDisk, nowMs }),
    add: await add(3),
    sign: planSign(state, signing, true),
    timestamp: planTimestamp(state, signing),
    revoke: planRevoke(state, first, 'wrong', signing),
    'revoke --undo': planUndoRevoke(state, second, signing),
    remove: planRemove(state, first, signing),
    rollout: planRollout(state, NAME, { halted: true }, signing),
    ...Object.fromEntries(
      ROLES.map((role) => [
        `rotate ${role}`,
        planRotate(
          state,
          { role, replace: role === 'root' ? replace : '', folder: keys, passphrase },
          signing,
        ),
      ]),
    ),
  };
  const words = (lines: readonly string[]) => lines.join('').replaceAll(/\s/g, '');
  for (const [name, plan] of Object.entries(plans)) {
    const lines = linesOfPlan(plan);
    assert.deepEqual(
      lines.filter((line) => line.length > 80),
      [],
      name,
    );
    assert.equal(words(lines), words(plan.steps), name);
    const whole = new Set(lines.flatMap((line) => line.split(' ')));
    const short = plan.steps.flatMap((step) => step.split(' ').filter((word) => word.length <= 80));
    assert.ok(
      short.every((word) => whole.has(word)),
      name,
    );
    assert.equal(lines.length > 0, plan.apply !== null, name);
  }
});
