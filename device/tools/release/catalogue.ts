import type { TargetFile } from '@tufjs/models';
import { z } from 'zod';
import { type BundleId, compareVersions, isBundleVersion, textOf } from '../../update/bundle-id.js';
import { METADATA_LIMITS } from '../../update/repository/limits.js';
import { type MetadataOf, SORTBIN } from './folder/metadata.js';
import { ReleaseError } from './release.js';

/** What the role `targets` publishes, beside the files. */

const revocationSchema = z.object({
  name: z.string(),
  version: z.string(),
  reason: z.string(),
  at: z.string(),
});
export type Revocation = z.infer<typeof revocationSchema>;

export const folderOf = ({ name, version }: BundleId): string => `${name}/${version}`;

/** Returns the files of a bundle by their names in the bundle. Empty: it is not published. */
export const filesOf = ({ signed }: MetadataOf['targets'], id: BundleId): ReadonlyMap<string, TargetFile> => {
  const prefix = `${folderOf(id)}/`;
  return new Map(
    Object.entries(signed.targets).flatMap(([path, file]) =>
      path.startsWith(prefix) ? [[path.slice(prefix.length), file] as const] : [],
    ),
  );
};

/** Returns the versions of a bundle, from the oldest one. */
export const versionsOf = ({ signed }: MetadataOf['targets'], name: string): string[] => {
  const versions = Object.keys(signed.targets).flatMap((path) => {
    const [first, version = ''] = path.split('/');
    return first === name && isBundleVersion(version) ? [version] : [];
  });
  return [...new Set(versions)].sort(compareVersions);
};

const schema = z.object({
  revoked: z.array(revocationSchema),
  /** Versions that were removed, as `name@version`. They are never published again. */
  removed: z.array(z.string()).default([]),
});

/** Returns lines for the person who signs `targets`: what it contains. */
export const describeTargets = (signed: MetadataOf['targets']['signed']): string[] => {
  const paths = Object.keys(signed.targets);
  const bundles = new Set(paths.map((path) => path.split('/', 2).join('/')));
  const { revoked } = schema.parse(signed.unrecognizedFields[SORTBIN]);
  return [
    `Targets contains ${bundles.size} bundles, with ${paths.length} of at most ${METADATA_LIMITS.entries} files.`,
    `Revoked versions: ${revoked.length === 0 ? 'none' : ''}`.trim(),
    ...revoked.map((id) => `  ${textOf(id)}`),
  ];
};

/** Bins may still use a version that was removed. @throws ReleaseError `release-missing` */
export const expectKnown = (targets: MetadataOf['targets'], id: BundleId): void => {
  if (!removedIn(targets).includes(textOf(id))) expectPublished(targets, id);
};

/** @throws ReleaseError `release-missing` */
export const expectPublished = (targets: MetadataOf['targets'], id: BundleId): void => {
  if (filesOf(targets, id).size > 0) return;
  if (removedIn(targets).includes(textOf(id)))
    throw new ReleaseError('release-missing', `${textOf(id)}: was removed from the repository.`);
  const versions = versionsOf(targets, id.name);
  const known = versions.length > 0 ? `Versions of ${id.name}: ${versions.join(', ')}.` : 'Check the name.';
  throw new ReleaseError('release-missing', `${textOf(id)}: not in the repository. ${known}`);
};

export const revokedIn = ({ signed }: MetadataOf['targets']): Revocation[] =>
  schema.parse(signed.unrecognizedFields[SORTBIN]).revoked;

/** Returns the versions that were removed, as `name@version`. */
export const removedIn = ({ signed }: MetadataOf['targets']): string[] =>
  schema.parse(signed.unrecognizedFields[SORTBIN]).removed;

export const isSameBundle = (a: BundleId, b: BundleId): boolean =>
  a.name === b.name && a.version === b.version;
