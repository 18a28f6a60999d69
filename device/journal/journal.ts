import { SortbinError } from '../kit/errors.js';

/** A row that was begun and has no outcome. */
export interface UnfinishedRow {
  readonly id: string;
  /** What `begin` was given. */
  readonly body: object;
}

/** An event that the broker has not acknowledged. */
export interface PendingEvent {
  readonly seq: number;
  readonly id: string;
  /** The event as JSON text, `seq` included. */
  readonly json: string;
}

export interface JournalCounters {
  /** Finished events on record. */
  readonly events: number;
  /** In the outbox. */
  readonly pending: number;
  /** Left the outbox unsent, ever, because it was full. */
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
 * The record of what happened. What a promise has resolved for is on disk. Each row is begun once and finished once;
 * finishing gives it the next sequence number (from 1, without gaps, over restarts) and puts it into the outbox, in one
 * transaction. All methods reject with a JournalError.
 */
export interface Journal {
  /** Rows that an earlier run began and did not finish, oldest first. */
  unfinished(): Promise<readonly UnfinishedRow[]>;
  begin(id: string, body: object): Promise<void>;
  /**
   * Resolves with the row's sequence number, which is written into the body as `seq`. A row that was never begun is
   * made; one that is finished already is refused as `already-finished`, and stays as it was.
   */
  finish(id: string, body: object): Promise<number>;
  /** Keeps a frame's bytes; the oldest go when the bounds are reached. */
  keepFrame(frameId: string, bytes: Uint8Array): Promise<void>;
  /** Up to `limit` events of the outbox with a number above `afterSeq`, in order. */
  pending(afterSeq: number, limit: number): Promise<readonly PendingEvent[]>;
  /** Takes events out of the outbox; numbers that are not in it are ignored. */
  acknowledge(seqs: readonly number[]): Promise<void>;
  counters(): Promise<JournalCounters>;
  close(): Promise<void>;
}
