import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { textOf } from '../../update/bundle-id.js';
import { hashedPath } from './add.js';
import { expectPublished, isSameBundle, revokedIn, versionsOf } from './catalogue.js';
import { contentOf } from './folder/content.js';
import { type Json, ROLLOUTS, sha256Of } from './folder/metadata.js';
import { publish, type Signing } from './folder/publish.js';
import type { State } from './folder/state.js';
import { type Plan, ReleaseError } from './release.js';

/** Schema 1 of `rollouts/<name>.json`. */
const rolloutSchema = z.object({
  schema: z.literal(1),
  halted: z.boolean(),
  percent: z.int().min(0).max(100),
  version: z.string(),
});
type Rollout = z.infer<typeof rolloutSchema>;

export type RolloutChange = Partial<Pick<Rollout, 'halted' | 'percent' | 'version'>>;

/**
 * Changes the rollout of a bundle, with the online keys alone. The role can name a bundle, but never add one.
 * @throws ReleaseError
 */
export const planRollout = (state: State, name: string, change: RolloutChange, signing: Signing): Plan => {
  const before = readRollout(state, name);
  const after: Rollout = { ...(before ?? firstRollout(state, name)), ...change };
  // A halt must be possible in any state.
  if (change.version !== undefined) checkVersion(state, name, change.version);
  const text = textOfRollout(name, after);
  if (before && sameText(before, after))
    return {
      steps: [],
      apply: null,
      unchanged: { lines: [`${text}. Nothing was changed.`], json: { name, ...after, changed: false } },
    };
  return {
    steps: [`Set the rollout of ${text}.`, 'Sign rollouts, snapshot and timestamp.'],
    apply: async () => {
      const bytes = Buffer.from(`${JSON.stringify(after)}\n`);
      const [path, sha256] = [pathOf(name), sha256Of(bytes)];
      const { targets, ...part } = state.rollouts.signed.toJSON();
      const target = { [path]: { length: bytes.length, hashes: { sha256 } } };
      const rollouts = { ...part, targets: { ...(targets as Json), ...target } };
      await publish(
        state,
        { rollouts, files: [{ path: hashedPath(path, sha256), content: contentOf(bytes) }] },
        signing,
      );
      return { lines: [`${text}.`], json: { name, ...after, changed: true } };
    },
  };
};

const pathOf = (name: string): string => `${ROLLOUTS}/${name}.json`;

/** @throws ReleaseError `release-invalid` if the file differs from the signed one */
const readRollout = ({ folder, rollouts }: State, name: string): Rollout | null => {
  const target = rollouts.signed.targets[pathOf(name)];
  const sha256 = target?.hashes.sha256;
  if (sha256 === undefined) return null;
  const path = join(folder, 'targets', hashedPath(pathOf(name), sha256));
  try {
    const bytes = readFileSync(path);
    if (sha256Of(bytes) === sha256) return rolloutSchema.parse(JSON.parse(bytes.toString('utf8')));
  } catch {
    // The error below names the file.
  }
  throw new ReleaseError('release-invalid', `${path}: missing or damaged. Restore it from a backup.`);
};

/** The rollout of a bundle without one: the newest version, for all bins. @throws ReleaseError `release-missing` */
const firstRollout = ({ targets }: State, name: string): Rollout => {
  const versions = versionsOf(targets, name);
  const revoked = revokedIn(targets);
  const usable = versions.filter((version) => !revoked.some((one) => isSameBundle(one, { name, version })));
  const version = usable.at(-1) ?? versions.at(-1);
  if (version !== undefined) return { schema: 1, halted: false, percent: 100, version };
  throw new ReleaseError(
    'release-missing',
    `${name}: no bundle of this name in the repository. Check the name.`,
  );
};

const checkVersion = ({ targets }: State, name: string, version: string): void => {
  expectPublished(targets, { name, version });
  if (revokedIn(targets).some((one) => isSameBundle(one, { name, version })))
    throw new ReleaseError(
      'release-option',
      `${textOf({ name, version })}: revoked. Name another version with --version.`,
    );
};

const sameText = (a: Rollout, b: Rollout): boolean =>
  a.halted === b.halted && a.percent === b.percent && a.version === b.version;

const textOfRollout = (name: string, { halted, percent, version }: Rollout): string =>
  `${textOf({ name, version })}: ${halted ? 'halted' : 'running'}, ${percent} %`;
