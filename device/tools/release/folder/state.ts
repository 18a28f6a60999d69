import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MetaFile } from '@tufjs/models';
import { messageOf } from '../../../kit/errors.js';
import { ReleaseError, type Role } from '../release.js';
import { type Delegator, isSigned, type MetadataOf, parseMetadata, sha256Of } from './metadata.js';

/** The metadata that a client receives now. Each signature has been checked, but no expiry. */
export interface State extends MetadataOf {
  readonly folder: string;
  /** sha256 of the first root, which identifies the repository. */
  readonly firstRoot: string;
  /** The next root, which waits for signatures. null: there is none. */
  readonly staged: MetadataOf['root'] | null;
  /** The content of timestamp.json. It differs after a change by another command. */
  readonly timestampBytes: Buffer;
}

export const metadataPath = (folder: string, name: string): string => join(folder, 'metadata', name);
export const stagedPath = (folder: string): string => join(folder, 'staged', 'root.json');
export const TIMESTAMP = 'timestamp.json';

/**
 * Reads a repository. Metadata without a valid signature is refused: an offline key must not sign again what somebody
 * has put into the folder.
 * @throws ReleaseError `release-missing` or `release-invalid`
 */
export const readState = (folder: string): State => {
  if (!existsSync(metadataPath(folder, TIMESTAMP)))
    throw new ReleaseError(
      'release-missing',
      `${folder}: not a repository, because it has no metadata/${TIMESTAMP}. Name a repository, or make one with "sortbin release init".`,
    );
  const roots = readRoots(folder);
  const root = roots[roots.length - 1] as MetadataOf['root'];
  const staged = readStaged(folder, root);
  // An interrupted run may have signed the other roles for a new root that is not published yet.
  const trusted = staged && isComplete(root, staged) ? [root, staged] : [root];
  const timestampBytes = read(metadataPath(folder, TIMESTAMP));
  const timestamp = check('timestamp', TIMESTAMP, timestampBytes, trusted);
  const readRole = <R extends Role>(role: R, meta: MetaFile | undefined, by: readonly Delegator[]) => {
    const name = `${meta?.version}.${role}.json`;
    const bytes = read(metadataPath(folder, name));
    try {
      meta?.verify(bytes);
    } catch (cause) {
      throw invalid(name, 'its size or hash differs from the signed one', cause);
    }
    return check(role, name, bytes, by);
  };
  const snapshot = readRole('snapshot', timestamp.signed.snapshotMeta, trusted);
  const targets = readRole('targets', snapshot.signed.meta['targets.json'], trusted);
  const rollouts = readRole('rollouts', snapshot.signed.meta['rollouts.json'], [targets]);
  const firstRoot = sha256Of(read(metadataPath(folder, '1.root.json')));
  return { folder, firstRoot, root, staged, timestamp, snapshot, targets, rollouts, timestampBytes };
};

/** Returns the next number of the files `N.<role>.json`. It skips files that an interrupted run has left. */
export const nextVersion = ({ folder, ...state }: State, role: Role): number =>
  Math.max(state[role].signed.version, ...numbersOf(folder, role)) + 1;

const numbersOf = (folder: string, role: Role): number[] =>
  readdirSync(join(folder, 'metadata'))
    .flatMap((name) => new RegExp(`^(\\d{1,9})\\.${role}\\.json$`).exec(name)?.[1] ?? [])
    .map(Number);

/** Returns all roots, from the oldest one. The keys of each root, and of the one before it, have signed it. */
const readRoots = (folder: string): MetadataOf['root'][] => {
  const roots: MetadataOf['root'][] = [];
  for (const version of numbersOf(folder, 'root').sort((a, b) => a - b)) {
    const name = `${version}.root.json`;
    const root = parseMetadata('root', read(metadataPath(folder, name)), name);
    const previous = roots.at(-1) ?? root;
    if (root.signed.version !== version || version !== roots.length + 1)
      throw invalid(name, `version ${roots.length + 1} was expected`);
    if (!isComplete(previous, root)) throw invalid(name, 'signatures are missing');
    roots.push(root);
  }
  if (roots.length === 0) throw invalid('1.root.json', 'the file is missing');
  return roots;
};

/** Whether the next root has the signatures that the present one and it demand. */
export const isComplete = (root: MetadataOf['root'], next: MetadataOf['root']): boolean =>
  isSigned(root, 'root', next) && isSigned(next, 'root', next);

/** A staged root that is not newer than the published one is left from an earlier run. */
const readStaged = (folder: string, root: MetadataOf['root']): MetadataOf['root'] | null => {
  const path = stagedPath(folder);
  if (!existsSync(path)) return null;
  const staged = parseMetadata('root', read(path), path);
  return staged.signed.version === root.signed.version + 1 ? staged : null;
};

const check = <R extends Role>(
  role: R,
  name: string,
  bytes: Buffer,
  by: readonly Delegator[],
): MetadataOf[R] => {
  const metadata = parseMetadata(role, bytes, name);
  if (by.some((delegator) => isSigned(delegator, role, metadata))) return metadata;
  throw invalid(name, `no valid signature of the role ${role}`);
};

const read = (path: string): Buffer => {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw invalid(path, messageOf(cause), cause);
  }
};

const invalid = (name: string, problem: string, cause?: unknown): ReleaseError =>
  new ReleaseError('release-invalid', `${name}: ${problem}. Restore the repository from a backup.`, {
    cause,
  });
