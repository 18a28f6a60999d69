import type { Worker, WorkerOptions } from 'node:worker_threads';
import type { Clock } from '../kit/clock.js';
import { messageOf } from '../kit/errors.js';
import { JournalError } from './journal.js';
import {
  type Arguments,
  type Method,
  OPENING,
  type Opened,
  type Reply,
  type Request,
  type Result,
  WAKE,
} from './protocol.js';
import type { WorkerData } from './worker.js';

/** Starts the worker thread. Tests pass their own function to control the worker. */
export type StartWorker = (entry: URL, options: WorkerOptions) => Worker;

interface PendingCall {
  resolve(value: unknown): void;
  reject(error: JournalError): void;
}

/** Maximum time without a reply while requests wait. A slow disk needs less for one request. */
const REPLY_DEADLINE_MS = 30_000;
/** Maximum time to open: a check, a copy and a migration of a large journal on a slow disk. */
const OPEN_DEADLINE_MS = 600_000;

/** Limits of the worker's JavaScript heap. It holds the data of one call. The bytes of frames are outside of it. */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 1 };

/**
 * One worker thread of the journal. It answers requests in order, and it is used until it ends once: it exits, it does
 * not reply in time, it finds damage, or it is ended. Then all its calls reject. The thread exits after its current call:
 * it is not terminated, because Node aborts the process if a terminated thread is inside SQLite.
 */
export class JournalWorker {
  /** Resolves when the worker has opened the journal. */
  readonly opened: Promise<Opened>;
  /** Resolves when the thread has ended. A thread that waits for the disk ends only after that. */
  readonly exited: Promise<void>;
  readonly #calls = new Map<number, PendingCall>();
  readonly #thread: Worker;
  readonly #ending = new Int32Array(new SharedArrayBuffer(4));
  #lastId = OPENING;
  #isOpen = false;
  #failure: JournalError | undefined;
  #foundDamage = false;
  #cancelDeadline: () => void = () => {};

  constructor(
    private readonly data: Omit<WorkerData, 'ending'>,
    private readonly clock: Clock,
    startWorker: StartWorker,
    /** Called once, with the reason, when the worker ends. */
    private readonly onEnd: (reason: string) => void,
  ) {
    const workerData: WorkerData = { ...data, ending: this.#ending };
    const options = { name: 'journal', workerData, resourceLimits: RESOURCE_LIMITS };
    this.#thread = startWorker(new URL('./worker.js', import.meta.url), options);
    this.#thread.on('message', (reply: Reply) => this.#settle(reply));
    this.#thread.on('messageerror', (error) => this.end(messageOf(error)));
    this.#thread.on('error', (error) => this.end(messageOf(error)));
    this.exited = new Promise((resolve) => {
      this.#thread.on('exit', (code) => {
        this.end(`exit code ${code}`);
        resolve();
      });
    });
    this.opened = this.#replyTo(OPENING) as Promise<Opened>;
  }

  /** Number of requests without a reply. */
  get waiting(): number {
    return this.#calls.size;
  }

  /** Whether SQLite has found damage in the database. */
  get foundDamage(): boolean {
    return this.#foundDamage;
  }

  /** Why it has ended; undefined while it can be used. */
  get failure(): JournalError | undefined {
    return this.#failure;
  }

  /** Sends a request. Rejects with a JournalError. */
  async send<M extends Method>(
    method: M,
    args: Arguments<M>,
    transfer: readonly ArrayBuffer[] = [],
  ): Promise<Result<M>> {
    if (this.#failure) throw this.#failure;
    const id = ++this.#lastId;
    try {
      this.#thread.postMessage({ id, method, args } as Request, transfer);
    } catch (error) {
      throw new JournalError('journal-failed', `${method}: ${messageOf(error)}`, { cause: error });
    }
    return (await this.#replyTo(id)) as Result<M>;
  }

  /** Ends the thread and rejects all its calls. The first reason counts, because the exit follows from it. */
  end(reason: string): void {
    if (this.#failure) return;
    this.#failure = new JournalError(
      'journal-failed',
      `journal in ${this.data.options.dataDir}: the worker thread stopped (${reason})`,
    );
    this.#cancelDeadline();
    for (const { reject } of this.#calls.values()) reject(this.#failure);
    this.#calls.clear();
    Atomics.store(this.#ending, 0, 1);
    this.#thread.postMessage(WAKE);
    this.onEnd(reason);
  }

  #replyTo(id: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { resolve, reject });
      if (this.#calls.size === 1) this.#expectReply();
    });
  }

  #settle(reply: Reply): void {
    const call = this.#calls.get(reply.id);
    this.#calls.delete(reply.id);
    this.#isOpen ||= reply.id === OPENING && reply.ok;
    this.#expectReply();
    if (reply.ok) {
      call?.resolve(reply.value);
      return;
    }
    call?.reject(new JournalError(reply.code, reply.message));
    if (reply.isDamage) {
      this.#foundDamage = true;
      this.end('the database is damaged');
    }
  }

  /** Starts the deadline again. Each reply does that: a long queue on a slow disk is not a worker that hangs. */
  #expectReply(): void {
    this.#cancelDeadline();
    if (this.#calls.size === 0) return;
    const deadlineMs = this.#isOpen ? REPLY_DEADLINE_MS : OPEN_DEADLINE_MS;
    this.#cancelDeadline = this.clock.after(deadlineMs, () => this.end(`no reply within ${deadlineMs} ms`));
  }
}
