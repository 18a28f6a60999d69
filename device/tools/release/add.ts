import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { loadBundle } from '../../perception/inference/bundle/bundle.js';
import { LIMITS } from '../../perception/inference/bundle/manifest.js';
import {
  type BundleId,
  isBundleFile,
  isBundleName,
  isBundleVersion,
  textOf,
} from '../../update/bundle-id.js';
import { METADATA_LIMITS } from '../../update/repository/limits.js';
import { describeTargets, filesOf, folderOf, isSameBundle, removedIn, revokedIn } from './catalogue.js';
import { type Content, contentOfFile, digestOf } from './folder/content.js';
import { type Json, ROLLOUTS } from './folder/metadata.js';
import { type NewFile, publish, type Signing } from './folder/publish.js';
import type { State } from './folder/state.js';
import { type Plan, ReleaseError } from './release.js';

/** Maximum number of files of a bundle. */
const MAX_FILES = 200;

interface BundleFile {
  /** Path in the bundle. */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  /** The content, which is read when it is copied. */
  readonly content: Content;
}

/**
 * Adds a bundle. Each of its files becomes a target, licence notices and golden images too. A version never changes: the
 * same content again is no change.
 * @throws BundleError, or ReleaseError `release-name`, `release-exists` or `release-full`
 */
export const planAdd = async (state: State, bundle: string, signing: Signing): Promise<Plan> => {
  const { folder, manifest } = await loadBundle(bundle);
  const id = { name: manifest.name, version: manifest.version };
  checkId(id);
  const files = readFiles(folder);
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const json = {
    ...id,
    files: files.map(({ path, sha256, bytes }) => ({ path, sha256, bytes })),
  };
  const published = filesOf(state.targets, id);
  if (published.size > 0) {
    const isSame =
      published.size === files.length &&
      files.every(({ path, sha256 }) => published.get(path)?.hashes.sha256 === sha256);
    if (!isSame) throw otherContent(id);
    const revoked = revokedIn(state.targets).some((one) => isSameBundle(one, id)) ? ', and revoked' : '';
    const lines = [`${textOf(id)}: published already${revoked}. Nothing was changed.`];
    return { steps: [], apply: null, unchanged: { lines, json: { ...json, changed: false } } };
  }
  if (removedIn(state.targets).includes(textOf(id)))
    throw new ReleaseError(
      'release-exists',
      `${textOf(id)}: was removed, and a version never changes. Give the bundle a new version.`,
    );
  checkRoom(state, files.length);
  return {
    steps: [
      `Copy ${files.length} files of ${textOf(id)}, ${bytes} bytes, to targets/${folderOf(id)}/.`,
      'Sign targets, snapshot and timestamp. Before this change:',
      ...describeTargets(state.targets.signed),
    ],
    apply: async () => {
      const { targets, ...part } = state.targets.signed.toJSON();
      const added: Json = Object.fromEntries(
        files.map(({ path, bytes, sha256 }) => [
          `${folderOf(id)}/${path}`,
          { length: bytes, hashes: { sha256 } },
        ]),
      );
      const draft = {
        targets: { ...part, targets: { ...(targets as Json), ...added } },
        files: files.map(targetOf(id)),
      };
      await publish(state, draft, signing);
      return { lines: [`${textOf(id)} added.`], json: { ...json, changed: true } };
    },
  };
};

/** Returns the file below `targets/`. With consistent snapshots, the name begins with the hash. */
const targetOf =
  (id: BundleId) =>
  ({ path, sha256, content }: BundleFile): NewFile => ({
    path: hashedPath(`${folderOf(id)}/${path}`, sha256),
    content,
  });

/** `a/b.json` becomes `a/<sha256>.b.json`. */
export const hashedPath = (path: string, sha256: string): string => path.replace(/[^/]+$/, `${sha256}.$&`);

/** @throws ReleaseError `release-full` */
const checkRoom = ({ targets, folder }: State, files: number): void => {
  const present = Object.keys(targets.signed.targets).length;
  if (present + files <= METADATA_LIMITS.entries) return;
  throw new ReleaseError(
    'release-full',
    `${folder}: ${present} files, and ${files} more would exceed ${METADATA_LIMITS.entries}, which bins refuse. Remove old bundles with "sortbin release remove".`,
  );
};

const checkId = (id: BundleId): void => {
  if (!isBundleName(id.name) || id.name === ROLLOUTS)
    throw new ReleaseError(
      'release-name',
      `manifest.json: name "${id.name}" is not allowed. Use 1 to 40 lower-case letters, digits and "-", but not "${ROLLOUTS}".`,
    );
  if (!isBundleVersion(id.version))
    throw new ReleaseError(
      'release-name',
      `manifest.json: version "${id.version}" is not allowed. Use a semantic version without "+", such as 1.4.0 or 1.4.0-rc.1.`,
    );
};

/** Reads all files of a bundle, sorted by path. @throws ReleaseError `release-name` */
const readFiles = (folder: string): BundleFile[] => {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => !lstatSync(join(folder, path)).isDirectory())
    .sort();
  if (paths.length > MAX_FILES)
    throw new ReleaseError(
      'release-name',
      `${folder}: ${paths.length} files, at most ${MAX_FILES} are allowed. Remove what is not of the bundle.`,
    );
  return paths.map((path) => {
    const { size } = checkFile(folder, path);
    if (size > LIMITS.fileBytes)
      throw new ReleaseError(
        'release-name',
        `${join(folder, path)}: ${size} bytes, at most ${LIMITS.fileBytes} are allowed. Use a smaller model.`,
      );
    const digest = digestOf(join(folder, path));
    return { path, ...digest, content: contentOfFile(join(folder, path), digest.sha256) };
  });
};

const checkFile = (folder: string, path: string) => {
  const status = lstatSync(join(folder, path));
  if (status.isFile() && isBundleFile(path)) return status;
  const problem = status.isFile() ? 'the name is not allowed in a repository' : 'not a regular file';
  throw new ReleaseError(
    'release-name',
    `${join(folder, path)}: ${problem}. Use at most 4 parts of letters, digits, ".", "_" and "-", or remove it.`,
  );
};

const otherContent = (id: BundleId): ReleaseError =>
  new ReleaseError(
    'release-exists',
    `${textOf(id)}: published already with other content, and a version never changes. Give the bundle a new version.`,
  );
