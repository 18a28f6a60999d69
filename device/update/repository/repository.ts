import type { Answer } from '../../kit/errors.js';
import type { BundleId } from '../bundle-id.js';

/** A file of a bundle, as the signed metadata describes it. */
export interface TargetFile {
  /** Path in the repository: `waste12/1.4.0/golden/inputs.json`. */
  readonly path: string;
  /** Path in the bundle: `golden/inputs.json`. */
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
}

export interface PublishedBundle extends BundleId {
  readonly manifestSha256: string;
  /** All files, with manifest.json and labels.txt. */
  readonly files: readonly TargetFile[];
}

/** A bundle in the repository that cannot be used. */
export interface UnusableBundle {
  /** The start of its path, such as `waste12/1.4.0`. Control characters are replaced. */
  readonly path: string;
  readonly reason: string;
}

export interface Revocation extends BundleId {
  readonly reason: string;
  /** Time of the revocation, ISO 8601. */
  readonly at: string;
}

/** What a repository offers. All of it comes from one trusted version of its metadata. */
export interface Catalogue {
  /** The version of the role `targets`. */
  readonly targetsVersion: number;
  readonly bundles: readonly PublishedBundle[];
  readonly unusable: readonly UnusableBundle[];
  readonly revoked: readonly Revocation[];
  /** Names of bundles whose rollout is halted. */
  readonly halted: readonly string[];
  /** Time at which the role `timestamp` was signed. null: it does not state one. */
  readonly signedAtMs: number | null;
  /** The earliest expiry of all roles. */
  readonly expiresAtMs: number;
}

export type RepositoryFault =
  /** No root is stored, the stored one is damaged, or another one was chosen meanwhile. */
  | 'update-untrusted'
  /** No connection, an interrupted one, a redirect, or an HTTP status other than 403, 404 and 410. */
  | 'update-unreachable'
  /** HTTP 403, 404 or 410, an HTML page instead of the file, or a missing file. */
  | 'update-not-found'
  /** Signature, threshold, rollback, mix-and-match, wrong format, too large. */
  | 'update-metadata-invalid'
  | 'update-metadata-expired'
  /** Length or sha256 of a target. */
  | 'update-file-invalid'
  /** No bytes for too long, below the minimum rate, or over the whole time. */
  | 'update-too-slow'
  | 'update-no-space'
  /** The local folder cannot be read or written. */
  | 'update-failed';

/**
 * A repository of bundles (The Update Framework, TUF 1.0). Every wait has a limit. If `signal` is aborted, each method
 * rejects at once with its reason. A failed attempt is not repeated: the caller decides when to try again.
 */
export interface Repository {
  /** Fetches, verifies and stores new metadata. After a failure, `stored` returns the catalogue of before. */
  refresh(signal: AbortSignal): Promise<Answer<Catalogue, RepositoryFault>>;
  /** Returns the catalogue of the last successful refresh, without the network, expired or not. null: none yet. */
  stored(): Promise<Answer<Catalogue | null, RepositoryFault>>;
  /**
   * Downloads a target into the file `into`, and verifies it. Continues what an earlier attempt left there. The file is
   * durable when the promise resolves. `onProgress` receives the number of bytes that the file has.
   */
  download(
    target: TargetFile,
    into: string,
    signal: AbortSignal,
    onProgress?: (bytes: number) => void,
  ): Promise<Answer<void, RepositoryFault>>;
}

/** What a root of trust states. The owner compares the key ids with those of the release tool. */
export interface TrustedRoot {
  readonly version: number;
  readonly keyIds: readonly string[];
  /** Number of these keys that must sign a new root. */
  readonly threshold: number;
  readonly expiresAtMs: number;
}

/** The root of trust of a bin. Nothing is trusted until an owner chooses a root. */
export interface RootOfTrust {
  /**
   * Stores the root that the owner chose: the text of a root.json. The same root again changes nothing. Another root ends
   * a refresh and downloads that run, and removes the metadata of the earlier repository. It waits for none of them.
   */
  trustRoot(rootJson: string): Promise<Answer<TrustedRoot, RepositoryFault>>;
  /** Returns the newest root that follows from the chosen one. null: no root was chosen. */
  trustedRoot(): Promise<Answer<TrustedRoot | null, RepositoryFault>>;
}
