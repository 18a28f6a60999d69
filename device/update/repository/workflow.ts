import type { TargetFile as Target } from '@tufjs/models';
import { Updater } from 'tuf-js';
import type { Clock } from '../../kit/clock.js';
import { messageOf } from '../../kit/errors.js';
import { localError, publicUrl, RepositoryError } from './errors.js';
import { MetadataFetcher } from './metadata-fetcher.js';
import type { MetadataSet, MetadataStore } from './metadata-store.js';
import type { Reader } from './reader.js';
import {
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
}

/**
 * Runs `work` with the client workflow of TUF, over a working copy of the stored metadata. What was verified is stored
 * afterwards, also if `work` fails: it protects the next attempt against a rollback.
 * @throws RepositoryError, or the signal's reason
 */
export const withWorkflow = async <T>(
  parts: WorkflowParts,
  signal: AbortSignal,
  work: (workflow: Workflow) => Promise<T>,
): Promise<{ readonly value: T; readonly verified: MetadataSet }> => {
  const { store } = parts;
  const chosen = store.root();
  if (chosen === null) throw new RepositoryError('update-untrusted', UNTRUSTED);
  store.stage(usable(store.trusted()) ?? { root: chosen });
  let value: T;
  try {
    value = await work(new Workflow(parts, signal));
  } catch (thrown) {
    const verified = store.unstage();
    if (!isLocal(thrown)) store.saveTrusted(verified);
    throw thrown;
  }
  const verified = store.unstage();
  store.saveTrusted(verified);
  return { value, verified };
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

/** One run of the client workflow. */
export class Workflow {
  readonly #updater: Updater;
  readonly #fetcher: MetadataFetcher;

  constructor(
    private readonly parts: WorkflowParts,
    private readonly signal: AbortSignal,
  ) {
    this.#fetcher = new MetadataFetcher(parts.reader, signal, () => this.#setClock());
    try {
      this.#updater = new Updater({
        metadataDir: parts.store.staging,
        metadataBaseUrl: parts.metadataUrl.href,
        fetcher: this.#fetcher,
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
    const now = { wallMs: this.parts.clock.wallMs(), builtAtMs: this.parts.builtAtMs };
    this.#trusted.referenceTime = new Date(referenceMs(now, this.#trusted.timestamp?.signed));
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
      return expired(message.replace(/^Final /, ''), this.parts.metadataUrl, timeMs);
    }
    return new RepositoryError(
      'update-metadata-invalid',
      `${publicUrl(this.parts.metadataUrl)}: ${message}`,
      { cause: thrown },
    );
  }
}

/** Returns the error of metadata that is expired at a time. */
export const expired = (problem: string, url: URL, timeMs: number): RepositoryError =>
  new RepositoryError(
    'update-metadata-expired',
    `${publicUrl(url)}: ${problem} at ${new Date(timeMs).toISOString()}. Check the clock of the bin. If it is right, sign new metadata.`,
  );
