import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KeyRing } from '../keys/key-ring.js';
import { DAY_MS, ReleaseError, type Role } from '../release.js';
import { type Disk, withLock, writeOnce } from './disk.js';
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
  SIGNED_AT,
  sha256Of,
  tufTime,
} from './metadata.js';
import { metadataPath, nextVersion, type State, stagedPath, TIMESTAMP } from './state.js';

/** A file below `targets/`. Its name contains the hash of its content. */
export interface NewFile {
  readonly path: string;
  readonly bytes: Buffer;
}

/** The changes of a repository. Absent: unchanged. */
export interface Draft {
  /** Signed parts. Version and expiry are set when they are signed. */
  readonly targets?: Json;
  readonly rollouts?: Json;
  /** The next root, with all signatures. */
  readonly root?: MetadataOf['root'];
  /** Roles that are signed again without a change. */
  readonly renew?: readonly Role[];
  readonly files?: readonly NewFile[];
}

/** What signatures need. */
export interface Signing {
  readonly ring: KeyRing;
  readonly disk: Disk;
  readonly nowMs: number;
  /** Whether a clock long after the last signature is accepted. */
  readonly isClockTrusted: boolean;
}

interface Write {
  readonly path: string;
  readonly bytes: Buffer;
}

/** Signed metadata and files that are not written yet. */
interface Publication {
  readonly files: readonly Write[];
  /** The files that make the others visible to clients, in this order. */
  readonly last: readonly Write[];
}

/** Longest time between two signatures before the clock is doubted. */
const MAX_PAUSE_MS = 90 * DAY_MS;

/**
 * Signs a draft with all roles above it, and writes it. Clients receive it when the last file is written, so that an
 * interrupted run leaves the earlier repository. Returns the roles that were signed.
 * @throws ReleaseError `release-key`, `release-clock`, `release-busy` or `release-exists`
 */
export const publish = async (state: State, draft: Draft, signing: Signing): Promise<Role[]> => {
  const signed = await sign(state, draft, signing);
  const { files, last } = arrange(state, draft, signed);
  const { disk } = signing;
  await withLock(state.folder, () => {
    if (!state.timestampBytes.equals(readFileSync(metadataPath(state.folder, TIMESTAMP))))
      throw new ReleaseError('release-busy', `${state.folder}: changed meanwhile. Run this command again.`);
    for (const { path, bytes } of files) writeOnce(disk, path, bytes);
    for (const { path, bytes } of last) disk.write(path, bytes);
    if (draft.root) disk.remove(stagedPath(state.folder));
  });
  return Object.keys(signed) as Role[];
};

type Signed = Partial<MetadataOf>;

/** Signs all roles that change. If one of them changes, the roles above it change too. */
const sign = async (state: State, draft: Draft, { ring, ...clock }: Signing): Promise<Signed> => {
  checkClock(state, clock);
  const { nowMs } = clock;
  const live = draft.root ?? state.root;
  const roots = [live, state.root, ...(state.staged ? [state.staged] : [])];
  const renew = new Set(draft.renew);
  const isStale = (role: Role, by: Delegator) => renew.has(role) || !isSigned(by, role, state[role]);
  /** Signs with the keys of all delegators. Those of the first one must suffice. */
  const seal = async <R extends Role>(role: R, part: Json, delegators: readonly Delegator[]) => {
    const keyIds = delegators.flatMap((delegator) => keyIdsOf(delegator, role));
    const signers = await ring.signers(keyIds);
    const head = { version: nextVersion(state, role), expires: expiryOf(role, nowMs) };
    const metadata = makeMetadata(role, { ...part, ...head }, signers);
    const [first] = delegators;
    if (first && !isSigned(first, role, metadata)) throw missingKey(role, first, ring);
    return metadata;
  };
  const signed: { -readonly [R in Role]?: MetadataOf[R] } = {};
  if (draft.targets || isStale('targets', live))
    signed.targets = await seal('targets', draft.targets ?? state.targets.signed.toJSON(), roots);
  const targets = signed.targets ?? state.targets;
  if (draft.rollouts || isStale('rollouts', targets))
    signed.rollouts = await seal('rollouts', draft.rollouts ?? state.rollouts.signed.toJSON(), [targets]);
  if (signed.targets || signed.rollouts || isStale('snapshot', live)) {
    const part = state.snapshot.signed.toJSON();
    const meta = {
      ...(part.meta as Json),
      ...(signed.targets ? { 'targets.json': metaOf(signed.targets) } : {}),
      ...(signed.rollouts ? { 'rollouts.json': metaOf(signed.rollouts) } : {}),
    };
    signed.snapshot = await seal('snapshot', { ...part, meta }, roots);
  }
  if (signed.snapshot || isStale('timestamp', live)) {
    const part = state.timestamp.signed.toJSON();
    const meta = signed.snapshot ? { 'snapshot.json': metaOf(signed.snapshot) } : (part.meta as Json);
    signed.timestamp = await seal('timestamp', { ...part, meta, [SIGNED_AT]: tufTime(nowMs) }, roots);
  }
  return signed;
};

/** Orders the files. Each one is complete when another file names it. */
const arrange = (state: State, { root, files = [] }: Draft, signed: Signed): Publication => {
  const { folder } = state;
  const writeOf = (name: string, metadata: AnyMetadata): Write => ({
    path: metadataPath(folder, name),
    bytes: bytesOf(metadata),
  });
  const numbered = (['rollouts', 'targets', 'snapshot'] as const).flatMap((role) => {
    const metadata = signed[role];
    return metadata ? [writeOf(`${metadata.signed.version}.${role}.json`, metadata)] : [];
  });
  const timestamp = signed.timestamp ? [writeOf(TIMESTAMP, signed.timestamp)] : [];
  const nextRoot = root ? [writeOf(`${root.signed.version}.root.json`, root)] : [];
  return {
    files: [...files.map(({ path, bytes }) => ({ path: join(folder, 'targets', path), bytes })), ...numbered],
    // The old and the new keys have signed the timestamp, so that it is valid before and after the new root.
    last: [...timestamp, ...nextRoot],
  };
};

/** Returns the entry of a file in the metadata above it. */
export const metaOf = (metadata: AnyMetadata): Json => {
  const bytes = bytesOf(metadata);
  return { version: metadata.signed.version, length: bytes.length, hashes: { sha256: sha256Of(bytes) } };
};

const missingKey = (role: Role, delegator: Delegator, { folders }: KeyRing): ReleaseError => {
  const ids = keyIdsOf(delegator, role).map((id) => id.slice(0, 8));
  return new ReleaseError(
    'release-key',
    `${role}: no key file in ${folders.join(', ')} has the key ${ids.join(' or ')}. Name its folder with --keys.`,
  );
};

/** A signature of the year 2099 would be the lower limit for the clocks of all bins. */
const checkClock = ({ timestamp }: State, { nowMs, isClockTrusted }: Omit<Signing, 'ring'>): void => {
  const lastMs = Date.parse(String(timestamp.signed.unrecognizedFields[SIGNED_AT]));
  if (isClockTrusted || Number.isNaN(lastMs)) return;
  if (nowMs >= lastMs && nowMs - lastMs <= MAX_PAUSE_MS) return;
  throw new ReleaseError(
    'release-clock',
    `The clock of this machine is ${tufTime(nowMs)}, but the last signature is of ${tufTime(lastMs)}. ` +
      'Set the clock. If it is right, use --trust-clock.',
  );
};
