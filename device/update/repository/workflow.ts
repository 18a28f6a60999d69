import type { TargetFile as Target } from '@tufjs/models';
import { Updater } from 'tuf-js';
import type { Clock } from '../../kit/clock.js';
import { messageOf } from '../../kit/errors.js';
import { localError, publicUrl, RepositoryError } from './errors.js';
import { METADATA_LIMITS, maxBytesOf } from './limits.js';
import { MetadataFetcher } from './metadata-fetcher.js';
import type { MetadataSet, MetadataStore } from './metadata-store.js';
import type { Reader } from './reader.js';
import {
  type Now,
  parseRoot,
  referenceMs,
  type TrustedSet,
  type VerifiedMetadata,
  verifiedIn,
} from './trusted-metadata.js';

export type { Target };

export interface WorkflowParts {
  readonly store: MetadataStore;
  readonly reader: Reader;
  readonly clock: Clock;
  /** The time when this program was built, in milliseconds since 1970. */
  readonly builtAtMs: number;
  /** The folder of the metadata. */
  readonly metadataUrl: URL;
  /** The delegated roles that are used. They must not delegate. null: all of them, as TUF allows. */
  readonly delegated: readonly string[] | null;
}

/**
 * Runs `work` with the client workflow of TUF, over a working copy of the stored metadata. What was verified is stored
 * afterwards, also if `work` fails: it protects the next attempt against a rollback. Returns the chosen root from which it
 * follows.
 * @throws RepositoryError, or the signal's reason
 */
export const withWorkflow = async <T>(
  parts: WorkflowParts,
  signal: AbortSignal,
  work: (workflow: Workflow) => Promise<T>,
): Promise<{ readonly value: T; readonly root: string; readonly verified: MetadataSet }> => {
  const { store } = parts;
  const root = store.root();
  if (root === null) throw new RepositoryError('update-untrusted', UNTRUSTED);
  store.stage(usable(store.trusted()) ?? { root });
  let value: T;
  try {
    value = await work(new Workflow(parts, signal));
  } catch (thrown) {
    const verified = store.unstage();
    if (!isLocal(thrown)) store.saveTrusted(root, verified);
    throw thrown;
  }
  const verified = store.unstage();
  store.saveTrusted(root, verified);
  return { value, root, verified };
};

/** A working copy that could not be written, for example on a full disk, may have an incomplete file. */
const isLocal = (thrown: unknown): boolean =>
  thrown instanceof RepositoryError && ['update-no-space', 'update-failed'].includes(thrown.code);

export const UNTRUSTED = 'No root of trust. Choose one with `sortbin model trust`.';

/** Without a valid root, tuf-js does not start. The workflow begins again at the root that the owner chose. */
const usable = (set: MetadataSet | null): MetadataSet | null => {
  try {
    parseRoot(set?.root ?? '');
    return set;
  } catch {
    return null;
  }
};

/** The fetcher limits these lengths, too. */
const CONFIG = {
  maxRootRotations: METADATA_LIMITS.roots,
  rootMaxLength: maxBytesOf('root'),
  timestampMaxLength: maxBytesOf('timestamp'),
  snapshotMaxLength: maxBytesOf('snapshot'),
  targetsMaxLength: maxBytesOf('targets'),
};

/** One run of the client workflow. */
export class Workflow {
  readonly #updater: Updater;
  readonly #fetcher: MetadataFetcher;

  constructor(
    private readonly parts: WorkflowParts,
    private readonly signal: AbortSignal,
  ) {
    const { reader, delegated } = parts;
    this.#fetcher = new MetadataFetcher({ reader, delegated, beforeEach: () => this.#setClock() }, signal);
    try {
      this.#updater = new Updater({
        metadataDir: parts.store.staging,
        metadataBaseUrl: parts.metadataUrl.href,
        fetcher: this.#fetcher,
        config: CONFIG,
      });
    } catch (cause) {
      throw new RepositoryError('update-untrusted', `stored root: ${messageOf(cause)}`, { cause });
    }
    this.#setClock();
  }

  /** Updates root, timestamp, snapshot and targets. */
  refresh(): Promise<void> {
    return this.#run(() => this.#updater.refresh());
  }

  /** Returns a target, also of a delegated role. Call `refresh` first. */
  target(path: string): Promise<Target | undefined> {
    return this.#run(() => this.#updater.getTargetInfo(path));
  }

  /** Returns all metadata that was verified in this run. Call `refresh` first. */
  verified(): VerifiedMetadata {
    return verifiedIn(this.#trusted);
  }

  get consistentSnapshot(): boolean {
    return this.#trusted.root.signed.consistentSnapshot;
  }

  /**
   * Sets the time by which metadata expires. Before each request, because a timestamp that was verified meanwhile may
   * raise it. One that its own root no longer trusts is not in the trusted set.
   */
  #setClock(): void {
    this.#trusted.referenceTime = new Date(referenceMs(this.#now, this.#trusted.timestamp?.signed));
  }

  get #now(): Now {
    return { wallMs: this.parts.clock.wallMs(), builtAtMs: this.parts.builtAtMs };
  }

  get #trusted(): TrustedSet {
    return (this.#updater as unknown as { trustedSet: TrustedSet }).trustedSet;
  }

  async #run<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (thrown) {
      this.signal.throwIfAborted();
      throw this.#fetcher.failure ?? this.#errorOf(thrown);
    }
  }

  /** tuf-js reports most failures of a role as a text in an error without a cause. */
  #errorOf(thrown: unknown): RepositoryError {
    const message = messageOf(thrown).replace(/^Unable to load \w+( metadata)? error \w+: /, '');
    if (message.includes('Failed to persist metadata')) return localError(this.parts.store.staging, thrown);
    if (message.endsWith('is expired')) {
      const timeMs = this.#trusted.referenceTime.getTime();
      return expired(message.replace(/^Final /, ''), this.parts.metadataUrl, timeMs, this.#now);
    }
    const problem = `${publicUrl(this.parts.metadataUrl)}: ${explained(message)}`;
    return new RepositoryError('update-metadata-invalid', problem, { cause: thrown });
  }
}

/** Says what a text of tuf-js means for the owner of a bin. */
const explained = (message: string): string => {
  const older = /^New .*?(timestamp|snapshot|targets|rollouts)\b.* is less than current version (\d+)/.exec(
    message,
  );
  if (older)
    return `${older[1]} is older than at the last check of this bin, which was version ${older[2]}. Use a newer copy.`;
  const [, role, valid, needed] = /^(\w+) was signed by (\d+)\/(\d+) keys/.exec(message) ?? [];
  if (role)
    return `${role} has ${valid} of ${needed} valid signatures. It is damaged, or of another publisher than the root: see sortbin model trust.`;
  return message;
};

/** Clocks of a bin and of a signing machine differ by less, unless one of them is wrong. */
const CLOCK_TOLERANCE_MS = 3_600_000;

/** Returns the error of metadata that is expired at a time, by which `referenceMs` has replaced `now`. */
export const expired = (problem: string, url: URL, timeMs: number, now: Now): RepositoryError => {
  const at = new Date(timeMs).toISOString();
  // A clock before the build is wrong itself, and says nothing about the signature.
  const isSignedInFuture = now.wallMs >= now.builtAtMs && timeMs > now.wallMs + CLOCK_TOLERANCE_MS;
  const why = isSignedInFuture
    ? `${problem}, because the last signature is in the future (${at}): the clock of the signing machine was wrong. Check the clock of the bin. If it is right, replace the key of the timestamp.`
    : `${problem} at ${at}. Check the clock of the bin. If it is right, sign new metadata.`;
  return new RepositoryError('update-metadata-expired', `${publicUrl(url)}: ${why}`);
};
