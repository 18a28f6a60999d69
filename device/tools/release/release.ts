import { SortbinError } from '../../kit/errors.js';

// The release tool makes and maintains a repository of bundles (The Update Framework, TUF 1.0) as static files.
// This file has no import of a TUF library, so that the command line can load it for every command.

/** The roles of a repository. Each one signs one kind of metadata. */
export const ROLES = ['root', 'targets', 'snapshot', 'timestamp', 'rollouts'] as const;
export type Role = (typeof ROLES)[number];

/** Roles whose keys a scheduled job needs. The keys of the other roles stay offline. */
export const ONLINE_ROLES: readonly Role[] = ['snapshot', 'timestamp', 'rollouts'];

/** Number of keys of the role `root`, and how many of them must sign. Each other role has one key. */
export const ROOT_KEYS = 3;
export const ROOT_THRESHOLD = 2;

/** Days from the signature of a role until its expiry. */
export const LIFETIME_DAYS: Readonly<Record<Role, number>> = {
  root: 365,
  targets: 365,
  snapshot: 30,
  timestamp: 7,
  rollouts: 30,
};

export const DAY_MS = 86_400_000;

/**
 * - `release-option`: a command or an option is not valid
 * - `release-name`: a bundle has a name, a version or a file that a repository does not allow
 * - `release-invalid`: metadata or a file is damaged, or a signature is missing
 * - `release-expired`: metadata has expired
 * - `release-expiring`: the repository is valid, but metadata expires soon
 * - `release-unreachable`: the address of a repository cannot be reached
 * - `release-missing`: a repository, a bundle or a file does not exist
 * - `release-key`: a key is missing, or cannot be used
 * - `release-clock`: the clock of this machine contradicts the last signature
 * - `release-exists`: a repository, or a version with other content, exists already
 * - `release-full`: bins would refuse so much metadata
 * - `release-staged`: a new root waits for signatures
 * - `release-busy`: another command changes the repository
 * - `release-no-terminal`: a question cannot be asked
 * - `release-port`: the address to serve on is not available
 */
export type ReleaseErrorCode =
  | 'release-option'
  | 'release-name'
  | 'release-invalid'
  | 'release-expired'
  | 'release-expiring'
  | 'release-unreachable'
  | 'release-missing'
  | 'release-key'
  | 'release-clock'
  | 'release-exists'
  | 'release-full'
  | 'release-staged'
  | 'release-busy'
  | 'release-no-terminal'
  | 'release-port';

export class ReleaseError extends SortbinError<ReleaseErrorCode> {
  override readonly name = 'ReleaseError';
}

/** The result of a change: lines for people, and the same for programs. */
export interface Report {
  readonly lines: readonly string[];
  readonly json: Readonly<Record<string, unknown>>;
}

/** A change that is described before it is made. */
export interface Plan {
  /** What `apply` does, for people. */
  readonly steps: readonly string[];
  /** null: there is nothing to do. */
  readonly apply: (() => Promise<Report>) | null;
  /** The report if there is nothing to do. */
  readonly unchanged?: Report;
}
