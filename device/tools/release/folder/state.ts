import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { MetaFile } from '@tufjs/models';
import { messageOf } from '../../../kit/errors.js';
import { hasOwnId } from '../keys/key-file.js';
import { ReleaseError, type Role } from '../release.js';
import {
  type Delegator,
  delegationOf,
  isSigned,
  type Json,
  type MetadataOf,
  parseMetadata,
  ROLLOUTS,
  sha256Of,
  signersOf,
} from './metadata.js';

/** The metadata that a client receives now. Each signature has been checked, but no expiry. */
export interface State extends MetadataOf {
  readonly folder: string;
  /** sha256 of the first root, which identifies the repository. */
  readonly firstRoot: string;
  /** The next root, which waits for signatures. null: there is none. */
  readonly staged: MetadataOf['root'] | null;
  /** Differs after a change by another command. */
  readonly fingerprint: string;
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
  // The first step, so that a change while the files are read is noticed.
  const fingerprint = fingerprintOf(folder);
  const roots = readRoots(folder);
  const root = roots[roots.length - 1] as MetadataOf['root'];
  const staged = readStaged(folder, root);
  // An interrupted run may have signed the other roles for a new root that is not published yet.
  const trusted = staged && isComplete(root, staged) ? [root, staged] : [root];
  const timestamp = check('timestamp', TIMESTAMP, read(metadataPath(folder, TIMESTAMP)), trusted);
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
  checkDelegations(targets);
  const rollouts = readRole('rollouts', snapshot.signed.meta['rollouts.json'], [targets]);
  const firstRoot = sha256Of(read(metadataPath(folder, '1.root.json')));
  return { folder, firstRoot, root, staged, timestamp, snapshot, targets, rollouts, fingerprint };
};

/** Identifies the present roots, the waiting one, and the present metadata, which the timestamp names. */
export const fingerprintOf = (folder: string): string => {
  const roots = numbersOf(folder, 'root').map((version) => metadataPath(folder, `${version}.root.json`));
  const paths = [metadataPath(folder, TIMESTAMP), stagedPath(folder), ...roots.sort()];
  const hashes = paths.map((path) => [path, existsSync(path) ? sha256Of(readFileSync(path)) : null]);
  return sha256Of(Buffer.from(JSON.stringify(hashes)));
};

/**
 * Returns the next version of a role: the time in seconds, so that a repository from a backup never uses a number again
 * that bins have seen. After a signature with a clock that was ahead, it is the number after the last one. Numbers of
 * files that an interrupted run has left are skipped.
 */
export const nextVersion = ({ folder, ...state }: State, role: Role, nowMs: number): number => {
  const last = state[role].signed.version;
  let version = Math.max(last + 1, Math.floor(nowMs / 1000));
  while (Number.isSafeInteger(version) && existsSync(metadataPath(folder, `${version}.${role}.json`)))
    version += 1;
  if (Number.isSafeInteger(version)) return version;
  throw new ReleaseError(
    'release-invalid',
    `${role}: no version is left after ${last}. Restore the repository from a backup, then replace the keys of timestamp and snapshot.`,
  );
};

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

/**
 * Reads the root that waits. Anyone who can write the folder could have put it there: it must have a signature of the
 * present root, and may replace keys only. A root that is not the next one is left from an earlier run.
 */
const readStaged = (folder: string, root: MetadataOf['root']): MetadataOf['root'] | null => {
  const path = stagedPath(folder);
  if (!existsSync(path)) return null;
  const staged = parseMetadata('root', read(path), path);
  if (staged.signed.version !== root.signed.version + 1) return null;
  const problem =
    signersOf(root, 'root', staged).length === 0
      ? 'no key of the present root has signed it'
      : changesOnlyKeys(root, staged)
        ? null
        : 'it changes more than keys';
  if (problem === null) return staged;
  throw new ReleaseError(
    'release-invalid',
    `${path}: ${problem}, so that it is not of this tool. Find out who wrote it, remove it, and rotate again.`,
  );
};

/** Whether a root replaces keys only: the same roles, thresholds, numbers of keys, and no other field. */
const changesOnlyKeys = (before: MetadataOf['root'], after: MetadataOf['root']): boolean => {
  const shapeOf = ({ signed }: MetadataOf['root']) => {
    const { keys, roles, version: _, expires: __, ...rest } = signed.toJSON();
    const counts = Object.entries(roles as Record<string, Json>).map(([role, { keyids, ...one }]) => ({
      ...{ role, count: new Set(keyids as string[]).size },
      ...one,
    }));
    return {
      rest,
      counts,
      areKeysGenuine: Object.entries(Object(keys)).every(([id, key]) => hasOwnId(id, key)),
    };
  };
  return isDeepStrictEqual(shapeOf(before), shapeOf(after));
};

/** A delegation to another role would stay in force after the key that signed it is replaced. */
const checkDelegations = ({ signed }: MetadataOf['targets']): void => {
  const delegations = signed.delegations?.toJSON();
  const [keyId = ''] = signed.delegations?.roles?.[ROLLOUTS]?.keyIDs ?? [];
  const keys = (delegations?.keys ?? {}) as Json;
  const expected = { keys: { [keyId]: keys[keyId] }, roles: [delegationOf(keyId)] };
  if (isDeepStrictEqual(delegations, expected) && hasOwnId(keyId, keys[keyId])) return;
  throw invalid(`${signed.version}.targets.json`, `delegates to other roles than ${ROLLOUTS}`);
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
