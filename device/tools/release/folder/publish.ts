import { dirname, join } from 'node:path';
import { maxBytesOf, shapeProblem } from '../../../update/repository/limits.js';
import { type KeyRing, type StoredKey, writeKey } from '../keys/key-ring.js';
import { DAY_MS, LIFETIME_DAYS, ReleaseError, type Role } from '../release.js';
import { type Content, contentOf } from './content.js';
import { type Disk, withLock, writeOnce } from './disk.js';
import { leadsOut } from './links.js';
import {
  type AnyMetadata,
  bytesOf,
  type Delegator,
  expiryOf,
  isSigned,
  type Json,
  keyIdsOf,
  type MetadataOf,
  makeMetadata,
  ownPart,
  rolloutsProblem,
  SIGNED_AT,
  sha256Of,
  tufTime,
} from './metadata.js';
import {
  fingerprintOf,
  isComplete,
  metadataPath,
  nextVersion,
  type State,
  stagedPath,
  TIMESTAMP,
} from './state.js';

/** A file below `targets/`. Its name contains the hash of its content. */
export interface NewFile {
  readonly path: string;
  readonly content: Content;
}

/** The changes of a repository. Absent: unchanged. */
export interface Draft {
  /** Signed parts. Version and expiry are set when they are signed. */
  readonly targets?: Json;
  readonly rollouts?: Json;
  /** The next root. It is published if it has all signatures. Otherwise it waits in the folder `staged`. */
  readonly root?: MetadataOf['root'];
  /** Roles that are signed again without a change. */
  readonly renew?: readonly Role[];
  readonly files?: readonly NewFile[];
  /** Paths below `targets/` that no metadata names any more. */
  readonly obsolete?: readonly string[];
  /** The file of a new key. It is written before anything that names the key. */
  readonly key?: StoredKey;
}

/** What signatures need. */
export interface Signing {
  readonly ring: KeyRing;
  readonly disk: Disk;
  readonly nowMs: number;
  /** Whether a clock long after the last signature is accepted. */
  readonly isClockTrusted: boolean;
}

/** Longest time between two signatures before the clock is doubted: the lifetime of a timestamp. */
const MAX_PAUSE_MS = LIFETIME_DAYS.timestamp * DAY_MS;

/**
 * Signs a draft with all roles above it, and writes it. Clients receive it when the timestamp is written, so that an
 * interrupted run leaves the earlier repository. Returns the roles that were signed.
 * @throws ReleaseError `release-key`, `release-clock`, `release-busy`, `release-full`, `release-exists` or
 * `release-invalid`
 */
export const publish = async (state: State, draft: Draft, signing: Signing): Promise<Role[]> => {
  const { folder } = state;
  const { disk } = signing;
  const signed = await sign(state, draft, signing);
  await withLock(folder, () => {
    if (fingerprintOf(folder) !== state.fingerprint)
      throw new ReleaseError('release-busy', `${folder}: changed meanwhile. Run this command again.`);
    checkLinks(folder, draft);
    try {
      if (draft.key) writeKey(disk, draft.key);
      write(state, draft, signed, disk);
    } catch (thrown) {
      // Nothing names the new key yet.
      if (draft.key && fingerprintOf(folder) === state.fingerprint) removeQuietly(disk, draft.key.path);
      throw thrown;
    }
  });
  return Object.keys(signed) as Role[];
};

/** A link would make this tool write or delete elsewhere, or publish what is elsewhere. @throws ReleaseError */
const checkLinks = (folder: string, { files = [], obsolete = [] }: Draft): void => {
  const targets = join(folder, 'targets');
  const paths = [...files.map(({ path }) => path), ...obsolete].map((path) => targetPath(folder, path));
  const link = paths.find((path) => leadsOut(targets, path));
  if (link === undefined) return;
  throw new ReleaseError(
    'release-invalid',
    `${link}: a symbolic link leads out of the repository. Replace it by what it leads to.`,
  );
};

const removeQuietly = (disk: Disk, path: string): void => {
  try {
    disk.remove(path);
  } catch {
    // The error that led here is reported.
  }
};

type Signed = Partial<MetadataOf>;

/** Signs all roles that change. If one of them changes, the roles above it change too. */
const sign = async (state: State, draft: Draft, { ring, ...clock }: Signing): Promise<Signed> => {
  const { nowMs } = clock;
  const next = draft.root ?? state.staged;
  const live = draft.root && isComplete(state.root, draft.root) ? draft.root : state.root;
  checkClock(state, live, clock);
  const roots = [live, state.root, ...(next ? [next] : [])];
  const renew = new Set(draft.renew);
  const isStale = (role: Role, by: Delegator) => renew.has(role) || !isSigned(by, role, state[role]);
  /** Signs with the keys of all delegators. Those of the first one must suffice. */
  const seal = async <R extends Role>(role: R, part: Json, delegators: readonly Delegator[]) => {
    const keyIds = delegators.flatMap((delegator) => keyIdsOf(delegator, role));
    const signers = await ring.signers(keyIds);
    const head = { version: nextVersion(state, role, nowMs), expires: expiryOf(role, nowMs) };
    const metadata = makeMetadata(role, { ...ownPart(role, part), ...head }, signers);
    const [first] = delegators;
    if (first && !isSigned(first, role, metadata)) throw missingKey(role, first, ring);
    checkShape(role, metadata);
    return metadata;
  };
  const signed: { -readonly [R in Role]?: MetadataOf[R] } = {};
  if (draft.targets || isStale('targets', live))
    signed.targets = await seal('targets', draft.targets ?? state.targets.signed.toJSON(), roots);
  const targets = signed.targets ?? state.targets;
  // What somebody has added to `rollouts` ends as soon as its key is given.
  const isCleaned =
    signed.targets !== undefined &&
    rolloutsProblem(state.rollouts) !== null &&
    keyIdsOf(targets, 'rollouts').some((keyId) => ring.has(keyId));
  if (draft.rollouts || isCleaned || isStale('rollouts', targets))
    signed.rollouts = await seal('rollouts', draft.rollouts ?? state.rollouts.signed.toJSON(), [targets]);
  if (signed.targets || signed.rollouts || isStale('snapshot', live)) {
    const part = state.snapshot.signed.toJSON();
    const before = part.meta as Json;
    const meta = {
      'targets.json': signed.targets ? metaOf(signed.targets) : before['targets.json'],
      'rollouts.json': signed.rollouts ? metaOf(signed.rollouts) : before['rollouts.json'],
    };
    signed.snapshot = await seal('snapshot', { ...part, meta } as Json, roots);
  }
  if (signed.snapshot || isStale('timestamp', live)) {
    const part = state.timestamp.signed.toJSON();
    const meta = signed.snapshot ? { 'snapshot.json': metaOf(signed.snapshot) } : (part.meta as Json);
    signed.timestamp = await seal('timestamp', { ...part, meta, [SIGNED_AT]: tufTime(nowMs) }, roots);
  }
  return signed;
};

/** @throws ReleaseError `release-full` if bins would refuse the metadata */
const checkShape = (role: Role, metadata: AnyMetadata): void => {
  const bytes = bytesOf(metadata).length;
  const limit = maxBytesOf(role);
  const tooLarge = bytes > limit ? `${bytes} bytes, more than ${limit}` : null;
  const problem = shapeProblem(metadata.toJSON()) ?? tooLarge;
  if (problem)
    throw new ReleaseError(
      'release-full',
      `${role}: ${problem}, which bins refuse. Remove old bundles with "sortbin release remove".`,
    );
};

export const targetPath = (folder: string, path: string): string => join(folder, 'targets', path);

/** Writes the files in an order in which each one is complete when another file names it. */
const write = (
  { folder, root: present }: State,
  { root, files = [], obsolete = [] }: Draft,
  signed: Signed,
  disk: Disk,
): void => {
  const once = (path: string, content: Content) => writeOnce(disk, path, content);
  const staged = stagedPath(folder);
  if (root) {
    disk.makeFolder(dirname(staged));
    disk.write(staged, bytesOf(root));
  }
  for (const { path, content } of files) once(targetPath(folder, path), content);
  for (const role of ['rollouts', 'targets', 'snapshot'] as const) {
    const metadata = signed[role];
    if (!metadata) continue;
    once(metadataPath(folder, `${metadata.signed.version}.${role}.json`), contentOf(bytesOf(metadata)));
  }
  // The old and the new keys have signed the timestamp, so that it is valid before and after the new root.
  if (signed.timestamp) disk.write(metadataPath(folder, TIMESTAMP), bytesOf(signed.timestamp));
  if (root && isComplete(present, root)) {
    once(metadataPath(folder, `${root.signed.version}.root.json`), contentOf(bytesOf(root)));
    disk.remove(staged);
  }
  for (const path of obsolete) disk.remove(targetPath(folder, path));
};

/** Returns the entry of a file in the metadata above it. */
export const metaOf = (metadata: AnyMetadata): Json => {
  const bytes = bytesOf(metadata);
  return { version: metadata.signed.version, length: bytes.length, hashes: { sha256: sha256Of(bytes) } };
};

export const missingKey = (role: Role, delegator: Delegator, { folders }: KeyRing): ReleaseError => {
  const ids = keyIdsOf(delegator, role).map((id) => id.slice(0, 8));
  return new ReleaseError(
    'release-key',
    `${role}: no key file in ${folders.join(', ')} has the key ${ids.join(' or ')}. Name its folder with --keys.`,
  );
};

/**
 * A bin never sets its clock before the last signature that it has seen. A signature that is too late would stop its
 * updates, and an earlier one after it does not help: only a new key of the timestamp makes the bin forget it.
 */
const checkClock = (
  { folder, timestamp }: State,
  live: MetadataOf['root'],
  { nowMs, isClockTrusted }: Omit<Signing, 'ring'>,
): void => {
  const lastMs = Date.parse(String(timestamp.signed.unrecognizedFields[SIGNED_AT]));
  const fail = (fix: string) => {
    const times = `${tufTime(nowMs)}, but the last signature is of ${tufTime(lastMs)}`;
    throw new ReleaseError('release-clock', `The clock of this machine is ${times}. ${fix}`);
  };
  if (nowMs < lastMs && isSigned(live, 'timestamp', timestamp))
    fail(
      'Set the clock, or wait until then. If the last signature was wrong, use two keys of the root: ' +
        `"sortbin release rotate ${folder} timestamp".`,
    );
  if (nowMs - lastMs > MAX_PAUSE_MS && !isClockTrusted)
    fail('Set the clock. If it is right, use --trust-clock.');
};
