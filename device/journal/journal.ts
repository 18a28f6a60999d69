import type { FrameFormat } from '../hardware/camera/camera.js';
import { SortbinError } from '../kit/errors.js';
import type { HealthSource } from '../kit/health.js';

/** The key of an event. A new journal has a new epoch, which is a random UUID, and numbers its events from 1. */
export interface EventKey {
  readonly epoch: string;
  readonly seq: number;
}

/** A row that was begun but not finished. */
export interface UnfinishedRow {
  readonly id: string;
  /** The last body passed to `begin`. */
  readonly body: object;
}

/** An event that the broker has not acknowledged. */
export interface PendingEvent extends EventKey {
  readonly id: string;
  /** The id of the bin when it recorded the event; null: the event has none. */
  readonly bin: string | null;
  /** The event as JSON text, including `epoch` and `seq`. */
  readonly json: string;
}

/** An event that the broker has refused for good. It stays in the outbox, but is not sent again. */
export interface UndeliverableEvent extends EventKey {
  readonly id: string;
  /** Why, for a person. */
  readonly reason: string;
  /** UTC, ISO 8601. */
  readonly at: string;
}

/** The numbers of undeliverable events, or all of them. */
export type EventSelection = readonly number[] | 'all';

/** What an item really was, for one event. The newest label of an event counts. */
export interface Label {
  /** null: the decision was wrong, and the right label is unknown. */
  readonly label: string | null;
  /** Who or what gave the label, for example a command or a button. */
  readonly source: string;
  /** UTC, ISO 8601. */
  readonly at: string;
}

/**
 * The state of a command transaction when it is begun.
 * - `begun`: it is new. The caller may execute the command.
 * - `ended`: the command was executed before, with this answer.
 * - `unknown`: it was begun before, in this run or an earlier one, and has no answer. Never execute it again.
 */
export type CommandRecord =
  | { readonly state: 'begun' }
  | { readonly state: 'ended'; readonly answer: object }
  | { readonly state: 'unknown' };

export interface JournalCounters {
  /** Finished events in the journal. */
  readonly events: number;
  /** Events in the outbox. */
  readonly pending: number;
  /** Of them, those that the broker has refused for good. */
  readonly undeliverable: number;
  /** Events that left the outbox unsent because it was full or on request, since the journal was created. */
  readonly dropped: number;
  /** Events that could not be recorded, since the journal was created. */
  readonly unrecorded: number;
  readonly frames: number;
  readonly frameBytes: number;
}

/** A change of the totals, which are numbers by name. They outlive the events that they count. */
export interface TotalsChange {
  readonly add: Readonly<Record<string, number>>;
  readonly set: Readonly<Record<string, number>>;
}

/** Maximum labels of an event. The oldest are deleted. */
export const MAX_LABELS = 16;
/** Maximum stored command transactions. The oldest are deleted, but never one that this run has begun and not ended. */
export const MAX_COMMANDS = 1_000;

export type JournalErrorCode =
  | 'journal-unreadable'
  | 'journal-failed'
  /** The disk is full, and no frame is left to delete. */
  | 'journal-full'
  | 'journal-busy'
  | 'journal-closed'
  | 'already-finished'
  | 'unknown-event'
  | 'unknown-transaction'
  | 'transaction-reused';

export class JournalError extends SortbinError<JournalErrorCode> {
  override readonly name = 'JournalError';
}

/**
 * The durable record of events. When a promise resolves, its change is on disk. Each row is begun once and finished
 * once. In one transaction, finishing assigns the next sequence number and adds the event to the outbox. Numbers start
 * at 1 in each epoch and have no gaps, also across restarts. All methods reject with a JournalError.
 */
export interface Journal extends HealthSource<JournalErrorCode> {
  /** Reports the fault `journal-set-aside` if a damaged journal was replaced. It stays until the next start. */
  readonly setAside: HealthSource<'journal-set-aside'>;
  /** Returns the rows that an earlier run began and did not finish, oldest first. */
  unfinished(): Promise<readonly UnfinishedRow[]>;
  /** Begins a row. Beginning it again replaces its body, for example when the count of a burst grows. */
  begin(id: string, body: object): Promise<void>;
  /**
   * Finishes a row and returns its key, which is also written into the body as `epoch` and `seq`. Creates the row if it
   * was never begun. If the row is already finished with the same body, returns its key: the caller may retry. Rejects
   * with `already-finished` if it is finished with another body, and does not change it. In the same transaction, changes
   * the totals, once for each row.
   */
  finish(id: string, body: object, totals?: TotalsChange): Promise<EventKey>;
  /** Returns all totals. */
  totals(): Promise<Readonly<Record<string, number>>>;
  /**
   * Stores the bytes of a frame. `format` is the layout of raw bytes. The oldest frames are removed when a limit is
   * reached.
   */
  keepFrame(frameId: string, bytes: Uint8Array, format?: FrameFormat): Promise<void>;
  /** Adds a label to a finished event. Rejects with `unknown-event`. A label is deleted together with its event. */
  label(eventId: string, label: Label): Promise<void>;
  /** Returns the labels of an event, oldest first. Rejects with `unknown-event`. */
  labels(eventId: string): Promise<readonly Label[]>;
  /**
   * Records that a command is about to be executed. Execute it only if the state is `begun`: a transaction is executed
   * at most once. Rejects with `transaction-reused` if the transaction has another command or request.
   */
  beginCommand(transaction: string, command: string, request: object): Promise<CommandRecord>;
  /**
   * Records the answer of a begun command. Rejects with `unknown-transaction` if it was not begun, and with
   * `already-finished` if it has another answer.
   */
  endCommand(transaction: string, answer: object): Promise<void>;
  /** Stores the state of a part of the program, which outlives a restart. It replaces an earlier one of the same name. */
  saveState(name: string, state: object): Promise<void>;
  /** Returns the stored state of this name, or null. */
  loadState(name: string): Promise<object | null>;
  /**
   * Returns up to `limit` events of the outbox after the event `after`, in order, without those that are undeliverable.
   * null, or an event of another epoch: from the first one. The epoch changes while the bin runs if a damaged journal is set aside.
   */
  pending(after: EventKey | null, limit: number): Promise<readonly PendingEvent[]>;
  /** Removes events from the outbox. Ignores events that are not in it. */
  acknowledge(events: readonly EventKey[]): Promise<void>;
  /** Marks an event of the outbox as undeliverable. Ignores an event that is not in it. */
  markUndeliverable(event: EventKey, reason: string, at: string): Promise<void>;
  /** Returns the undeliverable events, oldest first. */
  undeliverable(): Promise<readonly UndeliverableEvent[]>;
  /** Lets undeliverable events be sent again. Returns how many. */
  retryUndeliverable(selection: EventSelection): Promise<number>;
  /** Removes undeliverable events from the outbox, and counts them as dropped. Returns how many. */
  dropUndeliverable(selection: EventSelection): Promise<number>;
  /** Adds events that could not be recorded to their count. It is on disk as soon as the disk allows. */
  countUnrecorded(count: number): Promise<void>;
  counters(): Promise<JournalCounters>;
  close(): Promise<void>;
}
