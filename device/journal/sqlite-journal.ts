import { randomUUID } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import type { FrameFormat } from '../hardware/camera/camera.js';
import { Backoff } from '../kit/backoff.js';
import type { Clock } from '../kit/clock.js';
import { orAborted, sleep, withDeadline } from '../kit/deadline.js';
import { messageOf } from '../kit/errors.js';
import { type HealthListener, HealthReporter } from '../kit/health.js';
import type { Check } from './database.js';
import type { FramesAside } from './frame-folder.js';
import {
  type CommandRecord,
  type EventKey,
  type EventSelection,
  type Journal,
  type JournalCounters,
  JournalError,
  type JournalErrorCode,
  type Label,
  type PendingEvent,
  type TotalsChange,
  type UndeliverableEvent,
  type UnfinishedRow,
} from './journal.js';
import { JournalWorker, type StartWorker } from './journal-worker.js';
import type { Arguments, Method, Result } from './protocol.js';
import type { SetAside } from './set-aside.js';
import type { StoreOptions } from './store.js';

export interface SqliteJournalOptions extends Omit<StoreOptions, 'run'> {
  /** Maximum unanswered requests, 256 by default. Further calls reject with `journal-busy`. */
  readonly maxQueue?: number;
  readonly clock: Clock;
  /** Called once, when restarts of the worker have not helped. The daemon should exit, so that it is started again. */
  readonly onFatal?: (error: JournalError) => void;
  /** Called with the number of events that left the outbox at the start because its limit is lower than before. */
  readonly onDropped?: (count: number) => void;
  /** Called if the folder `frames` contained frames of another journal. */
  readonly onFramesAside?: (aside: FramesAside) => void;
  readonly startWorker?: StartWorker;
}

/** Maximum restarts of the worker without a successful call in between. */
const MAX_RESTARTS = 3;
const BACKOFF = { minMs: 200, maxMs: 5_000 };
/** Maximum wait for the thread of an ended worker, which still has the journal open. */
const EXIT_DEADLINE_MS = 5_000;

/**
 * The SQLite journal in a worker thread. A slow disk never blocks the event loop. A worker that stops is restarted.
 * Calls reject with `journal-failed` until it has opened the journal again.
 */
export class SqliteJournal implements Journal {
  readonly setAside = new HealthReporter<'journal-set-aside'>();
  readonly #health = new HealthReporter<JournalErrorCode>();
  readonly #closing = new AbortController();
  readonly #backoff = new Backoff(BACKOFF);
  readonly #store: StoreOptions;
  #worker: JournalWorker | undefined;
  /** Why calls are rejected; undefined while the journal is open. */
  #refusal: JournalError | undefined;
  /** How often a worker has stopped, or could not open, since the last successful call. */
  #failures = 0;
  #closed: Promise<void> | undefined;

  constructor(private readonly options: SqliteJournalOptions) {
    const { dataDir, maxEvents, maxOutbox, maxFrames, maxFrameBytes } = options;
    this.#store = { dataDir, maxEvents, maxOutbox, maxFrames, maxFrameBytes, run: randomUUID() };
    this.#refusal = this.#failed('it is not open yet');
  }

  /**
   * Opens the journal. Call it once. If `signal` is aborted, rejects at once with its reason, and ends the worker.
   * @throws JournalError `journal-unreadable` if the folder or the file cannot be used
   * @throws JournalError `journal-failed` if the worker did not start
   * @throws JournalError `journal-closed` if the journal is closed meanwhile
   */
  async open(signal?: AbortSignal): Promise<void> {
    const stop = AbortSignal.any([this.#closing.signal, ...(signal ? [signal] : [])]);
    stop.throwIfAborted();
    try {
      await orAborted(this.#start('quick_check'), stop);
    } catch (error) {
      this.#refusal ??= this.#failed('it is not open');
      this.#worker?.end('it did not open the journal');
      if (!stop.aborted) await this.#worker?.exited;
      throw error;
    }
  }

  onHealth(listener: HealthListener<JournalErrorCode>): void {
    this.#health.onHealth(listener);
  }

  unfinished(): Promise<readonly UnfinishedRow[]> {
    return this.#call('unfinished', []);
  }

  begin(id: string, body: object): Promise<void> {
    return this.#call('begin', [id, body]);
  }

  finish(id: string, body: object, totals?: TotalsChange): Promise<EventKey> {
    return this.#call('finish', totals ? [id, body, totals] : [id, body]);
  }

  totals(): Promise<Readonly<Record<string, number>>> {
    return this.#call('totals', []);
  }

  keepFrame(frameId: string, bytes: Uint8Array, format?: FrameFormat): Promise<void> {
    // Transferring a view would transfer its whole buffer, so transfer a copy.
    const copy = new Uint8Array(bytes);
    return this.#call('keepFrame', [frameId, copy, format], [copy.buffer]);
  }

  label(eventId: string, label: Label): Promise<void> {
    return this.#call('label', [eventId, label]);
  }

  labels(eventId: string): Promise<readonly Label[]> {
    return this.#call('labels', [eventId]);
  }

  beginCommand(transaction: string, command: string, request: object): Promise<CommandRecord> {
    return this.#call('beginCommand', [transaction, command, request]);
  }

  endCommand(transaction: string, answer: object): Promise<void> {
    return this.#call('endCommand', [transaction, answer]);
  }

  pending(after: EventKey | null, limit: number): Promise<readonly PendingEvent[]> {
    return this.#call('pending', [after, limit]);
  }

  acknowledge(events: readonly EventKey[]): Promise<void> {
    return this.#call('acknowledge', [events]);
  }

  markUndeliverable(event: EventKey, reason: string, at: string): Promise<void> {
    return this.#call('markUndeliverable', [event, reason, at]);
  }

  undeliverable(): Promise<readonly UndeliverableEvent[]> {
    return this.#call('undeliverable', []);
  }

  retryUndeliverable(selection: EventSelection): Promise<number> {
    return this.#call('retryUndeliverable', [selection]);
  }

  dropUndeliverable(selection: EventSelection): Promise<number> {
    return this.#call('dropUndeliverable', [selection]);
  }

  saveState(name: string, state: object): Promise<void> {
    return this.#call('saveState', [name, state]);
  }

  loadState(name: string): Promise<object | null> {
    return this.#call('loadState', [name]);
  }

  countUnrecorded(count: number): Promise<void> {
    return this.#call('countUnrecorded', [count]);
  }

  counters(): Promise<JournalCounters> {
    return this.#call('counters', []);
  }

  /**
   * Closes at any time. An open journal answers all earlier requests first. The caller sets a deadline, because a thread
   * that waits for the disk cannot be ended.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#closing.abort(closed('open'));
    const worker = this.#worker;
    try {
      if (this.#refusal) worker?.end('the journal is closed');
      else await worker?.send('close', []);
    } finally {
      await worker?.exited;
    }
  }

  async #start(check: Check): Promise<void> {
    const { clock, startWorker = (entry, options) => new Worker(entry, options) } = this.options;
    const worker = new JournalWorker({ options: this.#store, check }, clock, startWorker, (reason) => {
      // Until the journal is open, the caller of `#start` receives the error.
      if (!this.#refusal && !this.#closing.signal.aborted) void this.#restart(worker, reason);
    });
    this.#worker = worker;
    const { setAside, framesAside, dropped } = await worker.opened;
    if (worker.failure) throw worker.failure;
    this.#refusal = undefined;
    if (setAside) this.setAside.set({ code: 'journal-set-aside', message: describe(setAside) });
    if (framesAside) this.options.onFramesAside?.(framesAside);
    if (dropped > 0) this.options.onDropped?.(dropped);
    this.#health.set(null);
  }

  async #restart(ended: JournalWorker, reason: string): Promise<void> {
    const { clock } = this.options;
    const { signal } = this.#closing;
    const check = ended.foundDamage ? 'integrity_check' : 'quick_check';
    let why = reason;
    for (this.#failures += 1; this.#failures <= MAX_RESTARTS; this.#failures += 1) {
      this.#refuse(`the worker thread stopped (${why}). It is restarted`);
      try {
        await sleep(clock, this.#backoff.nextMs(), signal);
        await withDeadline(clock, EXIT_DEADLINE_MS, async () => this.#worker?.exited, signal);
        return await this.#start(check);
      } catch (error) {
        if (signal.aborted) return;
        why = messageOf(error);
      }
    }
    this.options.onFatal?.(
      this.#refuse(`the worker thread stopped again after ${MAX_RESTARTS} restarts (${why}). Check the disk`),
    );
  }

  /** Rejects all calls from now on, and reports the reason as the journal's fault. */
  #refuse(problem: string): JournalError {
    const error = this.#failed(problem);
    this.#refusal = error;
    this.#health.set({ code: error.code, message: error.message });
    return error;
  }

  async #call<M extends Method>(
    method: M,
    args: Arguments<M>,
    transfer: readonly ArrayBuffer[] = [],
  ): Promise<Result<M>> {
    const { maxQueue = 256 } = this.options;
    const worker = this.#worker;
    if (this.#closing.signal.aborted) throw closed(method);
    if (this.#refusal || !worker) throw this.#refusal;
    if (worker.waiting >= maxQueue) {
      throw new JournalError(
        'journal-busy',
        `${method}: the queue of the journal is full (${maxQueue} requests). Try again later.`,
      );
    }
    const result = await worker.send(method, args, transfer);
    this.#failures = 0;
    this.#backoff.reset();
    return result;
  }

  #failed(problem: string): JournalError {
    return new JournalError('journal-failed', `journal in ${this.options.dataDir}: ${problem}.`);
  }
}

const closed = (method: string) => new JournalError('journal-closed', `${method}: the journal is closed`);

const describe = ({ folder, problem = 'an earlier run found the damage' }: SetAside): string =>
  `The journal was damaged (${problem}). It was moved to ${folder}, and a new one began. Save the folder if you need its events and frames, then delete it.`;
