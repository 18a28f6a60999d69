import type { Clock } from '../../kit/clock.js';
import { linkedSignal } from '../../kit/deadline.js';
import { type Answer, done, failed } from '../../kit/errors.js';
import { SerialQueue } from '../../kit/serial-queue.js';
import { sha256Of } from '../../perception/inference/bundle/files.js';
import { isBundleName } from '../bundle-id.js';
import { catalogueOf, rolloutPath } from './catalogue.js';
import { type Download, downloadFile, targetUrl } from './download.js';
import { publicUrl, RepositoryError } from './errors.js';
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

/** Maximum length of a target of the role `rollouts`, in bytes. */
const MAX_ROLLOUT_BYTES = 16 << 10;

const TOP_LEVEL: readonly string[] = ['root', 'timestamp', 'snapshot', 'targets'];

/** The client of a repository, over tuf-js. */
export class TufRepository implements Repository, RootOfTrust {
  readonly #store: MetadataStore;
  readonly #limits: RepositoryLimits;
  readonly #reader: Reader;
  readonly #metadataUrl: URL;
  readonly #targetsUrl: URL;
  readonly #turns = new SerialQueue();

  constructor(private readonly options: RepositoryOptions) {
    this.#store = new MetadataStore(options.folder);
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#reader = new Reader(options.clock, this.#limits);
    const base = new URL(options.url);
    if (!base.pathname.endsWith('/')) base.pathname += '/';
    this.#metadataUrl = new URL('metadata/', base);
    this.#targetsUrl = new URL('targets/', base);
  }

  refresh(signal: AbortSignal): Promise<Answer<Catalogue, RepositoryFault>> {
    const { refreshMs } = this.#limits;
    return this.#answer(signal, () =>
      this.#turns.run(signal, () => this.#limited(refreshMs, signal, (inner) => this.#refresh(inner))),
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
  ): Promise<Answer<void, RepositoryFault>> {
    return this.#answer(signal, async () => {
      this.#checkRoot();
      await this.#limited(this.#limits.downloadMs, signal, (inner) =>
        downloadFile(this.#reader, this.#sourceOf(target), into, inner, onProgress),
      );
    });
  }

  trustRoot(rootJson: string): Promise<Answer<TrustedRoot, RepositoryFault>> {
    return this.#answer(null, async () => {
      const root = parseRoot(rootJson);
      await this.#turns.run(new AbortController().signal, async () => {
        if (this.#store.root() !== rootJson) this.#store.saveRoot(rootJson);
      });
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

  async #refresh(signal: AbortSignal): Promise<Catalogue> {
    this.#checkRoot();
    const { clock, builtAtMs } = this.options;
    const parts = {
      store: this.#store,
      reader: this.#reader,
      clock,
      builtAtMs,
      metadataUrl: this.#metadataUrl,
    };
    const { value, verified } = await withWorkflow(parts, signal, async (workflow) => {
      await workflow.refresh();
      if (!workflow.consistentSnapshot) {
        throw new RepositoryError('update-metadata-invalid', 'root: consistent_snapshot must be true');
      }
      const rollouts = await this.#fetchRollouts(workflow, signal);
      return { rollouts, all: workflow.verified() };
    });
    const { rollouts, all } = value;
    const timeMs = referenceMs({ wallMs: clock.wallMs(), builtAtMs }, all.timestamp);
    if (all.expiresAtMs <= timeMs) throw expired('a role is expired', this.#metadataUrl, timeMs);
    const catalogue = catalogueOf(all, rollouts);
    const roles = all.rollouts ? [...TOP_LEVEL, ROLLOUTS] : TOP_LEVEL;
    const metadata = Object.fromEntries(roles.map((role) => [role, verified[role] ?? '']));
    this.#store.saveSnapshot({ metadata, rollouts });
    return catalogue;
  }

  /** Returns the contents of the targets of the role `rollouts`, by path. */
  async #fetchRollouts(workflow: Workflow, signal: AbortSignal): Promise<Readonly<Record<string, string>>> {
    const paths = Object.keys(workflow.verified().targets.targets);
    const names = new Set(paths.map((path) => path.split('/')[0] ?? ''));
    const known = this.#store.snapshot()?.rollouts ?? {};
    const contents: Record<string, string> = {};
    for (const path of [...names].filter(isBundleName).map(rolloutPath)) {
      await workflow.target(path);
      const target = workflow.verified().rollouts?.targets[path];
      if (target) contents[path] = await this.#fetchRollout(target, known[path], signal);
    }
    return contents;
  }

  async #fetchRollout(target: Target, known: string | undefined, signal: AbortSignal): Promise<string> {
    const { path, length, hashes } = target;
    const { sha256 = '' } = hashes;
    if (known !== undefined && sha256Of(Buffer.from(known)) === sha256) return known;
    const url = targetUrl(this.#targetsUrl, path, sha256);
    const bytes = await this.#reader.readBytes(url, Math.min(length, MAX_ROLLOUT_BYTES), signal);
    if (bytes.length === length && sha256Of(bytes) === sha256) return bytes.toString('utf8');
    throw new RepositoryError(
      'update-file-invalid',
      `${publicUrl(url)}: the file differs from the signed metadata`,
    );
  }

  #sourceOf({ path, bytes, sha256 }: TargetFile): Download {
    return { url: targetUrl(this.#targetsUrl, path, sha256), bytes, hashes: { sha256 } };
  }

  #checkRoot(): TrustedRoot {
    const chosen = this.#store.root();
    if (chosen === null) throw new RepositoryError('update-untrusted', UNTRUSTED);
    return parseRoot(chosen);
  }

  /** Runs `work` with a signal that is aborted after a time. Waits for its end, because it uses the folder. */
  async #limited<T>(
    limitMs: number,
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const inner = linkedSignal(signal);
    const cancel = this.options.clock.after(limitMs, () => inner.abort(tooSlow(this.#metadataUrl, limitMs)));
    try {
      return await work(inner.signal);
    } finally {
      cancel();
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

const tooSlow = (url: URL, limitMs: number): RepositoryError =>
  new RepositoryError('update-too-slow', `${publicUrl(url)}: not finished within ${limitMs / 1000} s`);
