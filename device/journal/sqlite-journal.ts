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
  /** Requests without an answer; beyond it a call is refused as `journal-busy`. Default 256. */
  readonly maxQueue?: number;
}

/** Who wants to hold the worker itself starts it. */
export type StartWorker = (entry: URL, options: WorkerOptions) => Worker;

interface Waiting {
  resolve(value: unknown): void;
  reject(error: JournalError): void;
}

/** Of its JavaScript heap; it holds what one call reads or writes, and frames' bytes are not counted. */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 1 };

/** The SQLite journal, in a worker thread: no call blocks the event loop, however slow the disk is. */
export class SqliteJournal implements Journal {
  readonly #waiting = new Map<number, Waiting>();
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
        this.#fail(`it ended with exit code ${code}`);
        resolve();
      });
    });
  }

  /**
   * @throws JournalError `journal-unreadable`: the folder or the file is not fit, and the message says what to do;
   * `journal-failed`: the worker did not start
   */
  static async open(
    options: SqliteJournalOptions,
    startWorker: StartWorker = (entry, workerOptions) => new Worker(entry, workerOptions),
  ): Promise<SqliteJournal> {
    const journal = new SqliteJournal(options, startWorker);
    try {
      await journal.#answer(OPENING);
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
    // A view would take its whole buffer along; a copy of its own can be handed over.
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

  /** Everything asked for before it is answered first. The deadline is the caller's. */
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
    if (this.#waiting.size >= this.#maxQueue) {
      throw new JournalError(
        'journal-busy',
        `${method}: ${this.#maxQueue} requests wait for the disk already; try again when some are done`,
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
    return (await this.#answer(id)) as Result<M>;
  }

  #answer(id: number): Promise<unknown> {
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  #settle(reply: Reply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if (reply.ok) waiting?.resolve(reply.value);
    else waiting?.reject(new JournalError(reply.code, reply.message));
  }

  /** The first reason counts: the worker's exit is what follows from it. */
  #fail(reason: string): void {
    this.#failure ??= new JournalError(
      'journal-failed',
      `the worker of the journal in ${this.options.dataDir} is gone: ${reason}; restart the daemon`,
    );
    for (const { reject } of this.#waiting.values()) reject(this.#failure);
    this.#waiting.clear();
  }
}
