import { SortbinError } from '../kit/errors.js';

/** A row that was begun but not finished. */
export interface UnfinishedRow {
  readonly id: string;
  /** The last body passed to `begin`. */
  readonly body: object;
}

/** An event that the broker has not acknowledged. */
export interface PendingEvent {
  readonly seq: number;
  readonly id: string;
  /** The event as JSON text, including `seq`. */
  readonly json: string;
}

export interface JournalCounters {
  /** Finished events in the journal. */
  readonly events: number;
  /** Events in the outbox. */
  readonly pending: number;
  /** Events that left the outbox unsent because it was full, since the journal was created. */
  readonly dropped: number;
  readonly frames: number;
  readonly frameBytes: number;
}

export type JournalErrorCode =
  | 'journal-unreadable'
  | 'journal-failed'
  | 'journal-busy'
  | 'journal-closed'
  | 'already-finished';

export class JournalError extends SortbinError<JournalErrorCode> {
  override readonly name = 'JournalError';
}

/**
 * The durable record of events. When a promise resolves, its change is on disk. Each row is begun once and finished
 * once. In one transaction, finishing assigns the next sequence number and adds the event to the outbox. Numbers start
 * at 1 and have no gaps, also across restarts. All methods reject with a JournalError.
 */
export interface Journal {
  /** Returns the rows that an earlier run began and did not finish, oldest first. */
  unfinished(): Promise<readonly UnfinishedRow[]>;
  begin(id: string, body: object): Promise<void>;
  /**
   * Finishes a row and returns its sequence number, which is also written into the body as `seq`. Creates the row if it
   * was never begun. Rejects with `already-finished` if the row is already finished, and does not change it.
   */
  finish(id: string, body: object): Promise<number>;
  /** Stores the bytes of a frame. The oldest frames are removed when a limit is reached. */
  keepFrame(frameId: string, bytes: Uint8Array): Promise<void>;
  /** Returns up to `limit` events of the outbox with a number above `afterSeq`, in order. */
  pending(afterSeq: number, limit: number): Promise<readonly PendingEvent[]>;
  /** Removes events from the outbox. Ignores numbers that are not in it. */
  acknowledge(seqs: readonly number[]): Promise<void>;
  counters(): Promise<JournalCounters>;
  close(): Promise<void>;
}
