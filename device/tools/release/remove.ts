import { existsSync } from 'node:fs';
import { type BundleId, textOf } from '../../update/bundle-id.js';
import {
  describeTargets,
  expectPublished,
  filesOf,
  folderOf,
  isSameBundle,
  removedIn,
  revokedIn,
  versionsOf,
} from './catalogue.js';
import { type Json, SORTBIN } from './folder/metadata.js';
import { publish, type Signing, targetPath } from './folder/publish.js';
import type { State } from './folder/state.js';
import { type Plan, ReleaseError } from './release.js';

/**
 * Removes a version and its files, to make room. Its name and version are never published again. A revocation stays.
 * For a version that was removed, it deletes the files that an interrupted command has left.
 * @throws ReleaseError `release-missing` or `release-option`
 */
export const planRemove = (state: State, id: BundleId, signing: Signing): Plan => {
  if (removedIn(state.targets).includes(textOf(id))) return planLeftFiles(state, id, signing);
  expectPublished(state.targets, id);
  checkNotNewest(state, id);
  const folder = folderOf(id);
  const files = [...filesOf(state.targets, id)];
  return {
    steps: [
      `Remove ${textOf(id)}, ${files.length} files. A bin that uses it keeps it.`,
      'To take it from bins too, revoke it before.',
      'Sign targets, snapshot and timestamp. Before this change:',
      ...describeTargets(state.targets.signed),
    ],
    apply: async () => {
      const { targets, ...part } = state.targets.signed.toJSON();
      const kept = Object.entries(targets as Json).filter(([path]) => !path.startsWith(`${folder}/`));
      const list = { ...Object(part[SORTBIN]), removed: [...removedIn(state.targets), textOf(id)] };
      const draft = {
        targets: { ...part, targets: Object.fromEntries(kept), [SORTBIN]: list },
        // Each path contains the version, so that no other target uses a file of this folder.
        obsolete: [folder],
      };
      await publish(state, draft, signing);
      return { lines: [`${textOf(id)} removed.`], json: { ...id, changed: true, files: files.length } };
    },
  };
};

/** Nothing that is published names the files any more, so that nothing is signed. */
const planLeftFiles = (state: State, id: BundleId, signing: Signing): Plan => {
  const folder = folderOf(id);
  if (!existsSync(targetPath(state.folder, folder))) {
    const lines = [`${textOf(id)}: removed already. Nothing was changed.`];
    return { steps: [], apply: null, unchanged: { lines, json: { ...id, changed: false } } };
  }
  return {
    steps: [`Delete the files of ${textOf(id)}, which an interrupted command has left.`],
    apply: async () => {
      await publish(state, { obsolete: [folder] }, signing);
      return { lines: [`Files of ${textOf(id)} deleted.`], json: { ...id, changed: true } };
    },
  };
};

/** Without its newest version, bins would get an older one as the newest. */
const checkNotNewest = ({ targets }: State, id: BundleId): void => {
  const revoked = revokedIn(targets);
  const usable = versionsOf(targets, id.name).filter(
    (version) => !revoked.some((one) => isSameBundle(one, { name: id.name, version })),
  );
  if (usable.at(-1) !== id.version) return;
  throw new ReleaseError(
    'release-option',
    `${textOf(id)}: the newest version that is not revoked. Add a newer one first, or revoke it.`,
  );
};
