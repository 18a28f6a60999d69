import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import type { Clock } from '../../kit/clock.js';
import { orAborted } from '../../kit/deadline.js';
import { type Deferred, deferred } from '../../kit/deferred.js';
import { type Answer, done, failed } from '../../kit/errors.js';
import type {
  Catalogue,
  Repository,
  RepositoryFault,
  RootOfTrust,
  TargetFile,
  TrustedRoot,
} from './repository.js';
import type { Call, Reply, Request, WorkerData } from './repository-worker.js';
import { DEFAULT_LIMITS, type RepositoryLimits, type RepositoryOptions } from './tuf-repository.js';

/** Time without a call after which the thread ends, to give back its memory. */
const IDLE_MS = 60_000;
/** Time that a call may need beyond its limit, for what blocks the thread. */
const MARGIN_MS = 60_000;
/** Bounds what hostile metadata can occupy. */
const RESOURCES = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 16 };

interface Pending {
  readonly answer: Deferred<Answer<unknown, RepositoryFault>>;
  readonly onProgress: (bytes: number) => void;
}

/**
 * A repository client in a separate thread, because tuf-js and the disk block: 100 bundles cost seconds. The thread
 * starts with the first call. If it fails, the pending calls are answered, and the next call starts another one.
 */
export class ThreadedRepository implements Repository, RootOfTrust {
  readonly #data: WorkerData;
  readonly #limits: RepositoryLimits;
  readonly #clock: Clock;
  readonly #pending = new Map<number, Pending>();
  #worker: Worker | null = null;
  #lastId = 0;
  #cancelIdle = () => {};

  constructor({ clock, url, limits = {}, ...rest }: RepositoryOptions) {
    this.#clock = clock;
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
    this.#data = { ...rest, url: url.href, limits };
  }

  /** Returns the repository at another address, such as a copy on a USB stick. It shares the root and the thread. */
  at(url: URL): Repository {
    return {
      refresh: (signal) => this.refresh(signal, url),
      stored: () => this.stored(),
      download: (target, into, signal, onProgress) => this.download(target, into, signal, onProgress, url),
    };
  }

  refresh(signal: AbortSignal, url?: URL): Promise<Answer<Catalogue, RepositoryFault>> {
    const call = { method: 'refresh', url: url?.href ?? this.#data.url } as const;
    return this.#call(call, this.#limits.refreshMs, signal);
  }

  stored(): Promise<Answer<Catalogue | null, RepositoryFault>> {
    // A bin without updates does not load the client.
    if (!existsSync(this.#data.folder)) return Promise.resolve(done(null));
    return this.#call({ method: 'stored' });
  }

  download(
    target: TargetFile,
    into: string,
    signal: AbortSignal,
    onProgress?: (bytes: number) => void,
    url?: URL,
  ): Promise<Answer<void, RepositoryFault>> {
    const call = { method: 'download', url: url?.href ?? this.#data.url, target, into } as const;
    return this.#call(call, this.#limits.downloadMs, signal, onProgress);
  }

  trustRoot(rootJson: string): Promise<Answer<TrustedRoot, RepositoryFault>> {
    return this.#call({ method: 'trustRoot', rootJson });
  }

  trustedRoot(): Promise<Answer<TrustedRoot | null, RepositoryFault>> {
    return this.#call({ method: 'trustedRoot' });
  }

  /** Ends the thread. Pending calls are answered with `update-failed`. Without it, the process lives on for a minute. */
  async close(): Promise<void> {
    await this.#end('the program stops');
  }

  async #call<T>(
    call: Call,
    limitMs = this.#limits.refreshMs,
    signal = new AbortController().signal,
    onProgress: (bytes: number) => void = () => {},
  ): Promise<Answer<T, RepositoryFault>> {
    signal.throwIfAborted();
    this.#lastId += 1;
    const id = this.#lastId;
    const answer = deferred<Answer<unknown, RepositoryFault>>();
    this.#cancelIdle();
    this.#pending.set(id, { answer, onProgress });
    this.#worker ??= this.#start();
    this.#worker.postMessage({ id, call } satisfies Request);
    const cancel = this.#clock.after(limitMs + MARGIN_MS, () => this.#end('no answer in time'));
    try {
      return (await orAborted(answer.promise, signal)) as Answer<T, RepositoryFault>;
    } catch (thrown) {
      this.#worker?.postMessage({ id, abort: true } satisfies Request);
      throw thrown;
    } finally {
      cancel();
      this.#pending.delete(id);
      if (this.#worker && this.#pending.size === 0)
        this.#cancelIdle = this.#clock.after(IDLE_MS, () => this.#end('idle'));
    }
  }

  #start(): Worker {
    const entry = new URL('./repository-worker.js', import.meta.url);
    const worker = new Worker(entry, { workerData: this.#data, resourceLimits: RESOURCES });
    let problem = 'it ended';
    worker.on('message', (reply: Reply) => this.#receive(reply));
    worker.on('error', ({ message }) => {
      problem = message;
    });
    worker.on('exit', () => {
      if (this.#worker === worker) void this.#end(problem);
    });
    return worker;
  }

  #receive(reply: Reply): void {
    const pending = this.#pending.get(reply.id);
    if (!pending) return;
    if ('progress' in reply) pending.onProgress(reply.progress);
    else if ('answer' in reply) pending.answer.resolve(reply.answer);
    else pending.answer.resolve(failed('update-failed', `update thread: ${reply.error}`));
  }

  async #end(reason: string): Promise<void> {
    this.#cancelIdle();
    const worker = this.#worker;
    this.#worker = null;
    for (const { answer } of this.#pending.values()) {
      answer.resolve(failed('update-failed', `update thread: ${reason}. The next attempt starts it again.`));
    }
    await worker?.terminate();
  }
}
