import { createHash } from 'node:crypto';
import {
  Metadata,
  MetadataKind,
  type Root,
  type Snapshot,
  type Targets,
  type Timestamp,
} from '@tufjs/models';
import { messageOf } from '../../../kit/errors.js';
import type { Signer } from '../keys/key-ring.js';
import { DAY_MS, LIFETIME_DAYS, ReleaseError, type Role } from '../release.js';

/** The metadata of each role. */
export interface MetadataOf {
  readonly root: Metadata<Root>;
  readonly targets: Metadata<Targets>;
  readonly snapshot: Metadata<Snapshot>;
  readonly timestamp: Metadata<Timestamp>;
  readonly rollouts: Metadata<Targets>;
}

export type AnyMetadata = MetadataOf[Role];
/** Metadata that names the keys of other roles. */
export type Delegator = MetadataOf['root'] | MetadataOf['targets'];

export type Json = ReturnType<Root['toJSON']>;

/** Key of the signed part of `timestamp`: the time of its signature. It is a lower limit for the clock of a bin. */
export const SIGNED_AT = 'x-signed-at';
/** Key of the signed part of `targets` with what only sortbin knows. */
export const SORTBIN = 'x-sortbin';
export const SPEC_VERSION = '1.0.31';
/** The delegated role, and the folder of its targets. It cannot be the name of a bundle. */
export const ROLLOUTS = 'rollouts';

const ROLLOUT_PATH = /^rollouts\/[a-z0-9][a-z0-9-]{0,39}\.json$/;

/** Returns the entry of the role `rollouts` in the metadata of `targets`. */
export const delegationOf = (keyId: string): Json => ({
  name: ROLLOUTS,
  keyids: [keyId],
  threshold: 1,
  paths: [`${ROLLOUTS}/*`],
  terminating: true,
});

const FROM_JSON: { readonly [R in Role]: (data: Json) => MetadataOf[R] } = {
  root: (data) => Metadata.fromJSON(MetadataKind.Root, data),
  targets: (data) => Metadata.fromJSON(MetadataKind.Targets, data),
  snapshot: (data) => Metadata.fromJSON(MetadataKind.Snapshot, data),
  timestamp: (data) => Metadata.fromJSON(MetadataKind.Timestamp, data),
  rollouts: (data) => Metadata.fromJSON(MetadataKind.Targets, data),
};

/** @throws ReleaseError `release-invalid` */
export const parseMetadata = <R extends Role>(role: R, bytes: Buffer, path: string): MetadataOf[R] => {
  try {
    return FROM_JSON[role](JSON.parse(bytes.toString('utf8')));
  } catch (cause) {
    throw new ReleaseError(
      'release-invalid',
      `${path}: not valid metadata of the role ${role} (${messageOf(cause)}). Restore the file from a backup.`,
      { cause },
    );
  }
};

export const bytesOf = (metadata: AnyMetadata): Buffer =>
  Buffer.from(`${JSON.stringify(metadata.toJSON(), null, 1)}\n`);

export const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** The fields that this tool writes, beside version and expiry. */
const FIELDS: Readonly<Record<Role, readonly string[]>> = {
  root: ['consistent_snapshot', 'keys', 'roles'],
  targets: ['targets', 'delegations', SORTBIN],
  snapshot: ['meta'],
  timestamp: ['meta', SIGNED_AT],
  rollouts: ['targets'],
};

/**
 * Returns the signed part with nothing but what this tool writes. What a stolen key has added, such as delegations of
 * `rollouts` or targets elsewhere, ends with the next signature.
 */
export const ownPart = (role: Role, part: Json): Json => {
  const fields = ['_type', 'spec_version', ...FIELDS[role]];
  const own = Object.fromEntries(Object.entries(part).filter(([name]) => fields.includes(name)));
  if (role !== 'rollouts') return own;
  const targets = Object.entries(own.targets as Json).filter(([path]) => ROLLOUT_PATH.test(path));
  return { ...own, targets: Object.fromEntries(targets) };
};

/** Returns what `rollouts` contains beside files of rollouts, or null. Only somebody with its key can have added it. */
export const rolloutsProblem = ({ signed }: MetadataOf['rollouts']): string | null => {
  if (signed.delegations) return 'delegates to other roles';
  const path = Object.keys(signed.targets).find((one) => !ROLLOUT_PATH.test(one));
  return path === undefined ? null : `names ${path}, which is no file of a rollout`;
};

/** Makes metadata of a signed part, and signs it. */
export const makeMetadata = <R extends Role>(
  role: R,
  signed: Json,
  signers: readonly Signer[],
): MetadataOf[R] => addSignatures(FROM_JSON[role]({ signatures: [], signed }), signers);

/** Adds signatures, and returns the metadata. */
export const addSignatures = <M extends AnyMetadata>(metadata: M, signers: readonly Signer[]): M => {
  for (const signer of signers) metadata.sign(signer);
  return metadata;
};

/** Whether enough keys of the role, which `delegator` names, have signed the metadata. */
export const isSigned = (delegator: Delegator, role: Role, metadata: AnyMetadata): boolean => {
  try {
    delegator.verifyDelegate(role, metadata);
    return true;
  } catch {
    return false;
  }
};

/** Returns those keys of the role, which `delegator` names, that have validly signed the metadata. */
export const signersOf = (delegator: Delegator, role: Role, metadata: AnyMetadata): string[] => {
  const { signed } = delegator;
  const keys = signed.type === MetadataKind.Root ? signed.keys : (signed.delegations?.keys ?? {});
  return keyIdsOf(delegator, role).filter((keyId) => {
    try {
      keys[keyId]?.verifySignature(metadata);
      return keyId in keys;
    } catch {
      return false;
    }
  });
};

/** Returns the ids of the keys that may sign for a role. Empty: the delegator does not know the role. */
export const keyIdsOf = ({ signed }: Delegator, role: Role): readonly string[] => {
  const roles = signed.type === MetadataKind.Root ? signed.roles : signed.delegations?.roles;
  return roles?.[role]?.keyIDs ?? [];
};

/** Returns the time in the format of TUF: UTC, whole seconds. */
export const tufTime = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;

export const expiryOf = (role: Role, nowMs: number): string => tufTime(nowMs + LIFETIME_DAYS[role] * DAY_MS);

/** Whether more than half of the lifetime of the role has passed. Then it is time to sign it again. */
export const isDue = (role: Role, { signed }: AnyMetadata, nowMs: number): boolean =>
  Date.parse(signed.expires) - nowMs < (LIFETIME_DAYS[role] * DAY_MS) / 2;
