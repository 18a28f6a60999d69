import { Worker, type WorkerOptions } from 'node:worker_threads';
import { messageOf } from '../kit/errors.js';
import {
  type Journal,
  type JournalCounters,
  JournalError,
  type PendingEvent,
  type UnfinishedRow,
} from './journal.js';
import { type Arguments, type Method, OPENING, type Reply, type Request, type Result } from './protocol.js';
import type { StoreOptions } from './store.js';

export interface SqliteJournalOptions extends StoreOptions {
  /** Maximum unanswered requests, 256 by default. Further calls reject with `journal-busy`. */
  readonly maxQueue?: number;
}

/** Starts the worker thread. Tests pass their own function to control the worker. */
export type StartWorker = (entry: URL, options: WorkerOptions) => Worker;

interface PendingCall {
  resolve(value: unknown): void;
  reject(error: JournalError): void;
}

/** Limits of the worker's JavaScript heap. It holds the data of one call. The bytes of frames are outside of it. */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 1 };

/** The SQLite journal in a worker thread. A slow disk never blocks the event loop. */
export class SqliteJournal implements Journal {
  readonly #pendingCalls = new Map<number, PendingCall>();
  readonly #maxQueue: number;
  readonly #worker: Worker;
  readonly #ended: Promise<void>;
  #lastId = OPENING;
  #failure: JournalError | undefined;
  #closing: Promise<void> | undefined;

  private constructor(
    private readonly options: SqliteJournalOptions,
    startWorker: StartWorker,
  ) {
    const { maxQueue = 256, ...workerData } = options;
    this.#maxQueue = maxQueue;
    this.#worker = startWorker(new URL('./worker.js', import.meta.url), {
      name: 'journal',
      workerData,
      resourceLimits: RESOURCE_LIMITS,
    });
    this.#worker.on('message', (reply: Reply) => this.#settle(reply));
    this.#worker.on('messageerror', (error) => this.#fail(messageOf(error)));
    this.#worker.on('error', (error) => this.#fail(messageOf(error)));
    this.#ended = new Promise((resolve) => {
      this.#worker.on('exit', (code) => {
        this.#fail(`exit code ${code}`);
        resolve();
      });
    });
  }

  /**
   * Starts the worker, which opens the journal.
   * @throws JournalError `journal-unreadable` if the folder or the file cannot be used; `journal-failed` if the worker
   * did not start
   */
  static async open(
    options: SqliteJournalOptions,
    startWorker: StartWorker = (entry, workerOptions) => new Worker(entry, workerOptions),
  ): Promise<SqliteJournal> {
    const journal = new SqliteJournal(options, startWorker);
    try {
      await journal.#replyTo(OPENING);
    } catch (error) {
      await journal.#ended;
      throw error;
    }
    return journal;
  }

  unfinished(): Promise<readonly UnfinishedRow[]> {
    return this.#call('unfinished', []);
  }

  begin(id: string, body: object): Promise<void> {
    return this.#call('begin', [id, body]);
  }

  finish(id: string, body: object): Promise<number> {
    return this.#call('finish', [id, body]);
  }

  keepFrame(frameId: string, bytes: Uint8Array): Promise<void> {
    // Transferring a view would transfer its whole buffer, so transfer a copy.
    const copy = new Uint8Array(bytes);
    return this.#call('keepFrame', [frameId, copy], [copy.buffer]);
  }

  pending(afterSeq: number, limit: number): Promise<readonly PendingEvent[]> {
    return this.#call('pending', [afterSeq, limit]);
  }

  acknowledge(seqs: readonly number[]): Promise<void> {
    return this.#call('acknowledge', [seqs]);
  }

  counters(): Promise<JournalCounters> {
    return this.#call('counters', []);
  }

  /** Closes after all earlier requests are answered. The caller sets a deadline. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#failure) await this.#worker.terminate();
    else await this.#send('close', []);
    await this.#ended;
  }

  async #call<M extends Method>(
    method: M,
    args: Arguments<M>,
    transfer: readonly ArrayBuffer[] = [],
  ): Promise<Result<M>> {
    if (this.#closing) throw new JournalError('journal-closed', `${method}: the journal is closed`);
    if (this.#failure) throw this.#failure;
    if (this.#pendingCalls.size >= this.#maxQueue) {
      throw new JournalError(
        'journal-busy',
        `${method}: the queue of the journal is full (${this.#maxQueue} requests). Try again later.`,
      );
    }
    return this.#send(method, args, transfer);
  }

  async #send<M extends Method>(
    method: M,
    args: Arguments<M>,
    transfer: readonly ArrayBuffer[] = [],
  ): Promise<Result<M>> {
    const id = ++this.#lastId;
    try {
      this.#worker.postMessage({ id, method, args } as Request, transfer);
    } catch (error) {
      throw new JournalError('journal-failed', `${method}: ${messageOf(error)}`, { cause: error });
    }
    return (await this.#replyTo(id)) as Result<M>;
  }

  #replyTo(id: number): Promise<unknown> {
    return new Promise((resolve, reject) => this.#pendingCalls.set(id, { resolve, reject }));
  }

  #settle(reply: Reply): void {
    const call = this.#pendingCalls.get(reply.id);
    this.#pendingCalls.delete(reply.id);
    if (reply.ok) call?.resolve(reply.value);
    else call?.reject(new JournalError(reply.code, reply.message));
  }

  /** Keeps the first reason, because the worker's exit follows from it. */
  #fail(reason: string): void {
    this.#failure ??= new JournalError(
      'journal-failed',
      `journal in ${this.options.dataDir}: the worker thread stopped (${reason}). Restart the daemon.`,
    );
    for (const { reject } of this.#pendingCalls.values()) reject(this.#failure);
    this.#pendingCalls.clear();
  }
}
