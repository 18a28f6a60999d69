import type { Clock } from '../../kit/clock.js';
import { type LinkedSignal, linkedSignal } from '../../kit/deadline.js';
import { type Answer, done, failed } from '../../kit/errors.js';
import { SerialQueue } from '../../kit/serial-queue.js';
import { sha256Of } from '../../perception/inference/bundle/files.js';
import { isBundleName } from '../bundle-id.js';
import { catalogueOf, rolloutPath } from './catalogue.js';
import { type Download, downloadFile, targetUrl } from './download.js';
import { publicUrl, RepositoryError } from './errors.js';
import { METADATA_LIMITS, TOP_LEVEL } from './limits.js';
import { MetadataStore } from './metadata-store.js';
import type { PaceLimits } from './pace.js';
import { Reader } from './reader.js';
import type {
  Catalogue,
  Repository,
  RepositoryFault,
  RootOfTrust,
  TargetFile,
  TrustedRoot,
} from './repository.js';
import { parseRoot, ROLLOUTS, referenceMs, verifyStored } from './trusted-metadata.js';
import { expired, type Target, UNTRUSTED, type Workflow, withWorkflow } from './workflow.js';

export interface RepositoryOptions {
  /** Folder of the stored metadata. It is made if it is missing. */
  readonly folder: string;
  /** Address of the folder above `metadata/` and `targets/`: http, https or file. */
  readonly url: URL;
  /** The time when this program was built, in milliseconds since 1970. */
  readonly builtAtMs: number;
  readonly clock: Clock;
  readonly limits?: Partial<RepositoryLimits>;
}

export interface RepositoryLimits extends PaceLimits {
  /** Longest time for a refresh, in milliseconds. */
  readonly refreshMs: number;
  /** Longest time for a target, in milliseconds. The next attempt continues it. */
  readonly downloadMs: number;
}

export const DEFAULT_LIMITS: RepositoryLimits = {
  stallMs: 30_000,
  minBytesPerSecond: 512,
  maxBytesPerSecond: null,
  refreshMs: 10 * 60_000,
  downloadMs: 6 * 3_600_000,
};

/** The client of a repository, over tuf-js. */
export class TufRepository implements Repository, RootOfTrust {
  readonly #store: MetadataStore;
  readonly #limits: RepositoryLimits;
  readonly #reader: Reader;
  readonly #turns = new SerialQueue();
  /** Refreshes and downloads that run. */
  readonly #running = new Set<LinkedSignal>();

  constructor(private readonly options: RepositoryOptions) {
    this.#store = new MetadataStore(options.folder);
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#reader = new Reader(options.clock, this.#limits);
  }

  /** `url`: the address of a copy of the repository. */
  refresh(signal: AbortSignal, url = this.options.url): Promise<Answer<Catalogue, RepositoryFault>> {
    const { refreshMs } = this.#limits;
    return this.#answer(signal, () =>
      this.#turns.run(signal, () =>
        this.#limited(refreshMs, url, signal, (inner) => this.#refresh(url, inner)),
      ),
    );
  }

  stored(): Promise<Answer<Catalogue | null, RepositoryFault>> {
    return this.#answer(null, async () => {
      this.#checkRoot();
      const snapshot = this.#store.snapshot();
      if (snapshot === null) return null;
      try {
        return catalogueOf(verifyStored(snapshot.metadata), snapshot.rollouts);
      } catch {
        // A damaged copy: the next refresh fetches it again.
        return null;
      }
    });
  }

  download(
    target: TargetFile,
    into: string,
    signal: AbortSignal,
    onProgress?: (bytes: number) => void,
    url = this.options.url,
  ): Promise<Answer<void, RepositoryFault>> {
    const { path, bytes, sha256 } = target;
    const source: Download = {
      url: targetUrl(folderIn(url, 'targets'), path, sha256),
      bytes,
      hashes: { sha256 },
    };
    return this.#answer(signal, async () => {
      this.#checkRoot();
      await this.#limited(this.#limits.downloadMs, url, signal, (inner) =>
        downloadFile(this.#reader, source, into, inner, onProgress),
      );
    });
  }

  /** Ends a refresh and downloads that run: they follow from the earlier root. */
  trustRoot(rootJson: string): Promise<Answer<TrustedRoot, RepositoryFault>> {
    return this.#answer(null, async () => {
      const root = parseRoot(rootJson);
      if (this.#store.root() === rootJson) return root;
      this.#store.saveRoot(rootJson);
      for (const one of this.#running)
        one.abort(
          new RepositoryError('update-untrusted', 'Another root of trust was chosen meanwhile. Try again.'),
        );
      return root;
    });
  }

  trustedRoot(): Promise<Answer<TrustedRoot | null, RepositoryFault>> {
    return this.#answer(null, async () => {
      if (this.#store.root() === null) return null;
      const chosen = this.#checkRoot();
      try {
        return parseRoot(this.#store.trusted()?.root ?? '');
      } catch {
        return chosen;
      }
    });
  }

  async #refresh(url: URL, signal: AbortSignal): Promise<Catalogue> {
    this.#checkRoot();
    const { clock, builtAtMs } = this.options;
    const metadataUrl = folderIn(url, 'metadata');
    const parts = {
      store: this.#store,
      reader: this.#reader,
      clock,
      builtAtMs,
      metadataUrl,
      delegated: [ROLLOUTS],
    };
    const { value, root, verified } = await withWorkflow(parts, signal, async (workflow) => {
      await workflow.refresh();
      if (!workflow.consistentSnapshot) {
        throw new RepositoryError('update-metadata-invalid', 'root: consistent_snapshot must be true');
      }
      const rollouts = await this.#fetchRollouts(workflow, folderIn(url, 'targets'), signal);
      return { rollouts, all: workflow.verified() };
    });
    signal.throwIfAborted();
    const { rollouts, all } = value;
    const now = { wallMs: clock.wallMs(), builtAtMs };
    const timeMs = referenceMs(now, all.timestamp);
    if (all.expiresAtMs <= timeMs) throw expired('a role is expired', metadataUrl, timeMs, now);
    const catalogue = catalogueOf(all, rollouts);
    const roles = all.rollouts ? [...TOP_LEVEL, ROLLOUTS] : TOP_LEVEL;
    const metadata = Object.fromEntries(roles.map((role) => [role, verified[role] ?? '']));
    this.#store.saveSnapshot(root, { metadata, rollouts });
    return catalogue;
  }

  /** Returns the contents of the targets of the role `rollouts`, by path. */
  async #fetchRollouts(
    workflow: Workflow,
    targetsUrl: URL,
    signal: AbortSignal,
  ): Promise<Readonly<Record<string, string>>> {
    const paths = Object.keys(workflow.verified().targets.targets);
    const names = new Set(paths.map((path) => path.split('/')[0] ?? ''));
    const known = this.#store.snapshot()?.rollouts ?? {};
    const { rolloutsBytes } = METADATA_LIMITS;
    const contents: Record<string, string> = {};
    let totalBytes = 0;
    for (const path of [...names].filter(isBundleName).map(rolloutPath)) {
      await workflow.target(path);
      const target = workflow.verified().rollouts?.targets[path];
      if (!target) continue;
      totalBytes += target.length;
      if (totalBytes > rolloutsBytes)
        throw new RepositoryError(
          'update-metadata-invalid',
          `rollouts: its files have more than ${rolloutsBytes} bytes`,
        );
      contents[path] = await this.#fetchRollout(target, known[path], targetsUrl, signal);
    }
    return contents;
  }

  async #fetchRollout(
    target: Target,
    known: string | undefined,
    targetsUrl: URL,
    signal: AbortSignal,
  ): Promise<string> {
    const { path, length, hashes } = target;
    const { sha256 = '' } = hashes;
    if (known !== undefined && sha256Of(Buffer.from(known)) === sha256) return known;
    const url = targetUrl(targetsUrl, path, sha256);
    const maxBytes = Math.min(length, METADATA_LIMITS.rolloutBytes);
    const bytes = await this.#reader.readBytes(url, maxBytes, signal);
    if (bytes.length === length && sha256Of(bytes) === sha256) return bytes.toString('utf8');
    throw new RepositoryError(
      'update-file-invalid',
      `${publicUrl(url)}: the file differs from the signed metadata`,
    );
  }

  #checkRoot(): TrustedRoot {
    const chosen = this.#store.root();
    if (chosen === null) throw new RepositoryError('update-untrusted', UNTRUSTED);
    return parseRoot(chosen);
  }

  /** Runs `work` with a signal that is aborted after a time. Waits for its end, because it uses the folder. */
  async #limited<T>(
    limitMs: number,
    url: URL,
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const inner = linkedSignal(signal);
    this.#running.add(inner);
    const cancel = this.options.clock.after(limitMs, () => inner.abort(tooSlow(url, limitMs)));
    try {
      return await work(inner.signal);
    } finally {
      cancel();
      this.#running.delete(inner);
      inner.release();
    }
  }

  async #answer<T>(signal: AbortSignal | null, work: () => Promise<T>): Promise<Answer<T, RepositoryFault>> {
    try {
      return done(await work());
    } catch (thrown) {
      signal?.throwIfAborted();
      if (thrown instanceof RepositoryError) return failed(thrown.code, thrown.message);
      throw thrown;
    }
  }
}

/** Returns the address of a folder of the repository at `url`. */
const folderIn = (url: URL, name: 'metadata' | 'targets'): URL => {
  const base = new URL(url);
  if (!base.pathname.endsWith('/')) base.pathname += '/';
  return new URL(`${name}/`, base);
};

const tooSlow = (url: URL, limitMs: number): RepositoryError =>
  new RepositoryError('update-too-slow', `${publicUrl(url)}: not finished within ${limitMs / 1000} s`);
