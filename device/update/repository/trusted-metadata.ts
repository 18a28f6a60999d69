import { Metadata, MetadataKind, type Root, type Targets, type Timestamp } from '@tufjs/models';
import { TrustedMetadataStore } from 'tuf-js/dist/store.js';
import { z } from 'zod';
import { messageOf } from '../../kit/errors.js';
import { RepositoryError } from './errors.js';
import { METADATA_LIMITS } from './limits.js';
import type { MetadataSet } from './metadata-store.js';
import type { TrustedRoot } from './repository.js';

/** The delegated role that may halt rollouts. It cannot add a bundle, because bundles come from `targets` alone. */
export const ROLLOUTS = 'rollouts';

/** Verified metadata, all roles from one state of a repository. */
export interface VerifiedMetadata {
  readonly timestamp: Timestamp;
  readonly targets: Targets;
  /** The role `rollouts`. null: it was not needed, or `targets` does not delegate to it. */
  readonly rollouts: Targets | null;
  /** The earliest expiry of all roles. */
  readonly expiresAtMs: number;
}

/** The trusted set of tuf-js. `referenceTime`, by which metadata expires, has no public access there. */
export type TrustedSet = Pick<TrustedMetadataStore, keyof TrustedMetadataStore> & { referenceTime: Date };

/** Returns what a trusted set contains. @throws RepositoryError `update-metadata-invalid` if a role is missing */
export const verifiedIn = (set: TrustedSet): VerifiedMetadata => {
  const { root, timestamp, snapshot, targets } = set;
  const rollouts = set.getRole(ROLLOUTS);
  if (!timestamp || !snapshot || !targets) {
    throw new RepositoryError('update-metadata-invalid', 'timestamp, snapshot or targets is missing');
  }
  const all = [root, timestamp, snapshot, targets, ...(rollouts ? [rollouts] : [])];
  return {
    timestamp: timestamp.signed,
    targets: targets.signed,
    rollouts: rollouts?.signed ?? null,
    expiresAtMs: Math.min(...all.map(({ signed }) => Date.parse(signed.expires))),
  };
};

/**
 * Verifies the signatures, versions and hashes of a complete set of stored metadata, but no expiry.
 * @throws what tuf-js throws, or RepositoryError
 */
export const verifyStored = (metadata: MetadataSet): VerifiedMetadata => {
  const bytesOf = (role: string) => Buffer.from(metadata[role] ?? '');
  const store = new TrustedMetadataStore(bytesOf('root'));
  const set = store as unknown as TrustedSet;
  // At this time nothing has expired.
  set.referenceTime = new Date(0);
  set.updateTimestamp(bytesOf('timestamp'));
  set.updateSnapshot(bytesOf('snapshot'), true);
  set.updateDelegatedTargets(bytesOf('targets'), 'targets', 'root');
  if (metadata[ROLLOUTS] !== undefined) set.updateDelegatedTargets(bytesOf(ROLLOUTS), ROLLOUTS, 'targets');
  return verifiedIn(set);
};

const signedAtSchema = z.iso.datetime({ offset: true });

/** Returns the time at which a verified timestamp was signed, or null if it does not state one. */
export const signedAtMs = (timestamp: Timestamp): number | null => {
  const stated = signedAtSchema.safeParse(timestamp.unrecognizedFields['x-signed-at']);
  return stated.success ? Date.parse(stated.data) : null;
};

/** The clock of a bin, and the time when its program was built: a clock that is earlier is wrong. */
export interface Now {
  readonly wallMs: number;
  readonly builtAtMs: number;
}

/**
 * Returns the time by which metadata expires: the clock, but not before the program was built, nor before the last
 * verified timestamp was signed. A bin without a battery-backed clock may start in 1970.
 */
export const referenceMs = ({ wallMs, builtAtMs }: Now, timestamp: Timestamp | undefined): number =>
  Math.max(wallMs, builtAtMs, (timestamp && signedAtMs(timestamp)) ?? 0);

/** Reads a root that signs itself. @throws RepositoryError `update-untrusted` */
export const parseRoot = (rootJson: string): TrustedRoot => {
  const { rootBytes } = METADATA_LIMITS;
  if (Buffer.byteLength(rootJson) > rootBytes)
    throw new RepositoryError('update-untrusted', `not a root of trust: more than ${rootBytes} bytes`);
  try {
    const root = Metadata.fromJSON(MetadataKind.Root, JSON.parse(rootJson)) as Metadata<Root>;
    root.verifyDelegate(MetadataKind.Root, root);
    const { version, expires, roles } = root.signed;
    const { keyIDs: keyIds = [], threshold = 0 } = roles.root ?? {};
    return { version, keyIds, threshold, expiresAtMs: Date.parse(expires) };
  } catch (cause) {
    throw new RepositoryError(
      'update-untrusted',
      `not a root of trust: ${cause instanceof SyntaxError ? 'not JSON' : messageOf(cause)}`,
      { cause },
    );
  }
};
