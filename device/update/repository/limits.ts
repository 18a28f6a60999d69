import { z } from 'zod';

/**
 * What a bin accepts from a repository at most. Each limit is our own: a length that metadata states comes from a key of
 * an online role, and a file is read before its signature is verified. A release tool must stay within them.
 */
export const METADATA_LIMITS = {
  /** `model.trust` sends a root in one line of the control socket. */
  rootBytes: 48 * 1024,
  /** New roots in one refresh. The next one continues. */
  roots: 256,
  timestampBytes: 16 * 1024,
  snapshotBytes: 64 * 1024,
  targetsBytes: 5_000_000,
  /** Length of the metadata of one delegated role. */
  delegatedBytes: 1_000_000,
  /** Entries of a mapping or a list, such as targets. The time of tuf-js is quadratic in it. */
  entries: 2048,
  /** Mappings and lists inside of each other. */
  levels: 32,
  /** Length of one target of the role `rollouts`. */
  rolloutBytes: 16 * 1024,
  /** Length of all targets of the role `rollouts` that a bin reads. */
  rolloutsBytes: 1_000_000,
} as const;

const { rootBytes, timestampBytes, snapshotBytes, targetsBytes, delegatedBytes } = METADATA_LIMITS;

const BYTES: Readonly<Record<string, number>> = {
  root: rootBytes,
  timestamp: timestampBytes,
  snapshot: snapshotBytes,
  targets: targetsBytes,
};

/** Returns the maximum length of the metadata of a role, in bytes. */
export const maxBytesOf = (role: string): number =>
  Object.hasOwn(BYTES, role) ? (BYTES[role] ?? 0) : delegatedBytes;

export const TOP_LEVEL: readonly string[] = Object.keys(BYTES);

/** Returns why a bin refuses metadata of this shape, or null. `value` is JSON. */
export const shapeProblem = (value: unknown, level = 0): string | null => {
  if (typeof value !== 'object' || value === null) return null;
  const inner = Object.values(value);
  if (inner.length > METADATA_LIMITS.entries)
    return `more than ${METADATA_LIMITS.entries} entries in one place`;
  if (level === METADATA_LIMITS.levels) return `more than ${METADATA_LIMITS.levels} levels`;
  for (const one of inner) {
    const problem = shapeProblem(one, level + 1);
    if (problem) return problem;
  }
  return null;
};

/** Returns the role of a file of metadata, such as `7.targets.json`. */
export const roleOf = ({ pathname }: URL): string =>
  decodeURIComponent(/^(?:\d+\.)?(.*)\.json$/.exec(pathname.split('/').at(-1) ?? '')?.[1] ?? '');

const leafSchema = z.object({
  signed: z.object({
    delegations: z
      .object({ roles: z.array(z.unknown()).max(0), succinct_roles: z.undefined().optional() })
      .optional(),
  }),
});

/** Whether the metadata of a role delegates to another role. */
export const canDelegate = (json: unknown): boolean => !leafSchema.safeParse(json).success;
