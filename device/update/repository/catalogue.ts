import { z } from 'zod';
import { plain } from '../../kit/plain-text.js';
import { LIMITS } from '../../perception/inference/bundle/manifest.js';
import { isBundleFile, isBundleName, isBundleVersion, LABELS_FILE, MANIFEST_FILE } from '../bundle-id.js';
import { RepositoryError } from './errors.js';
import type { Catalogue, PublishedBundle, Revocation, TargetFile, UnusableBundle } from './repository.js';
import { ROLLOUTS, signedAtMs, type VerifiedMetadata } from './trusted-metadata.js';

const revocationSchema = z.object({
  name: z.string().max(100),
  version: z.string().max(100),
  reason: z.string().max(1000),
  at: z.iso.datetime({ offset: true }),
});
const extensionSchema = z.object({ revoked: z.array(revocationSchema).default([]) });
const rolloutSchema = z.object({ halted: z.boolean() });

/** Returns the path of the target that describes the rollout of a bundle. */
export const rolloutPath = (name: string): string => `${ROLLOUTS}/${name}.json`;

/**
 * Returns what the metadata offers. `rollouts` has the contents of the targets of the role `rollouts`.
 * @throws RepositoryError `update-metadata-invalid` if the list of revoked bundles is malformed
 */
export const catalogueOf = (
  { timestamp, targets, expiresAtMs }: VerifiedMetadata,
  rollouts: Readonly<Record<string, string>>,
): Catalogue => {
  const results = [...groupByBundle(Object.values(targets.targets))].map(([path, files]) =>
    readBundle(path, files),
  );
  const bundles = results.filter((result) => 'files' in result);
  return {
    targetsVersion: targets.version,
    bundles,
    unusable: results.filter((result) => 'reason' in result),
    revoked: readRevoked(targets.unrecognizedFields['x-sortbin']),
    halted: [...new Set(bundles.map(({ name }) => name))].filter((name) =>
      isHalted(rollouts[rolloutPath(name)]),
    ),
    signedAtMs: signedAtMs(timestamp),
    expiresAtMs,
  };
};

type Target = VerifiedMetadata['targets']['targets'][string];

/** Groups targets by the start of their path: `<name>/<version>`. */
const groupByBundle = (targets: readonly Target[]): ReadonlyMap<string, Target[]> => {
  const groups = new Map<string, Target[]>();
  for (const target of targets) {
    const path = target.path.split('/', 2).join('/');
    const group = groups.get(path);
    if (group) group.push(target);
    else groups.set(path, [target]);
  }
  return groups;
};

const readBundle = (path: string, targets: readonly Target[]): PublishedBundle | UnusableBundle => {
  const [name = '', version = ''] = path.split('/');
  const unusable = (reason: string) => ({ path: plain(path), reason: plain(reason) });
  if (!isBundleName(name)) return unusable(`not a name of a bundle: ${name}`);
  if (!isBundleVersion(version)) return unusable(`not a semantic version such as 1.4.0: ${version}`);
  const files: TargetFile[] = [];
  for (const target of targets) {
    const file = target.path.slice(path.length + 1);
    const { sha256 = '' } = target.hashes;
    if (!isBundleFile(file)) return unusable(`not a name of a file: ${target.path}`);
    if (!/^[0-9a-f]{64}$/.test(sha256)) return unusable(`${file}: no sha256`);
    if (!Number.isInteger(target.length) || target.length > LIMITS.fileBytes) {
      return unusable(`${file}: ${target.length} bytes, at most ${LIMITS.fileBytes} are allowed`);
    }
    files.push({ path: target.path, file, bytes: target.length, sha256 });
  }
  const manifest = files.find(({ file }) => file === MANIFEST_FILE);
  if (!manifest) return unusable(`${MANIFEST_FILE} is missing`);
  if (!files.some(({ file }) => file === LABELS_FILE)) return unusable(`${LABELS_FILE} is missing`);
  return { name, version, manifestSha256: manifest.sha256, files };
};

const readRevoked = (extension: unknown): readonly Revocation[] => {
  const result = extensionSchema.safeParse(extension ?? {});
  // No bin can have a bundle with another id.
  if (result.success)
    return result.data.revoked.filter(({ name, version }) => isBundleName(name) && isBundleVersion(version));
  throw new RepositoryError(
    'update-metadata-invalid',
    `targets: x-sortbin: ${z.prettifyError(result.error)}`,
  );
};

/** The rollout of a file that this version cannot read counts as halted. */
const isHalted = (text: string | undefined): boolean => {
  if (text === undefined) return false;
  try {
    return rolloutSchema.parse(JSON.parse(text)).halted;
  } catch {
    return true;
  }
};
