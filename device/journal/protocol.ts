import { messageOf } from '../kit/errors.js';
import type { FramesAside } from './frame-folder.js';
import { type Journal, JournalError, type JournalErrorCode } from './journal.js';
import type { SetAside } from './set-aside.js';

// The messages between the daemon's thread and the journal's worker. A request is a method name with its arguments.

export type Method = Exclude<keyof Journal, 'onHealth' | 'setAside'>;
export type Arguments<M extends Method> = Parameters<Journal[M]>;
export type Result<M extends Method> = Awaited<ReturnType<Journal[M]>>;

export type Request = {
  [M in Method]: { readonly id: number; readonly method: M; readonly args: Arguments<M> };
}[Method];

export type Reply =
  | { readonly id: number; readonly ok: true; readonly value: unknown }
  | {
      readonly id: number;
      readonly ok: false;
      readonly code: JournalErrorCode;
      readonly message: string;
      /** Whether SQLite has found damage in the database. The worker must be restarted then. */
      readonly isDamage: boolean;
    };

/** The id of the worker's first reply: whether the journal was opened. Requests have ids from 1. */
export const OPENING = 0;

/** A message that is no request. A worker that waits for requests reads it, and sees that it is ended. */
export const WAKE = null;

/** The value of the worker's first reply. */
export interface Opened {
  readonly setAside: SetAside | null;
  readonly framesAside: FramesAside | null;
  /** Events that left the outbox because its limit is lower than before. */
  readonly dropped: number;
}

/** The journal in the worker: the same methods, without promises. */
export type SynchronousJournal = {
  [M in Method]: (...args: Arguments<M>) => Result<M>;
};

export type Cause = 'damage' | 'full' | 'other';

/** Converts an error to a reply. Only its code and message are sent, not its class and cause. */
export const failureOf = (id: number, action: string, thrown: unknown, cause: Cause): Reply => {
  const isDamage = cause === 'damage';
  if (thrown instanceof JournalError)
    return { id, ok: false, code: thrown.code, message: thrown.message, isDamage };
  const code = cause === 'full' ? 'journal-full' : 'journal-failed';
  return { id, ok: false, code, message: `${action} failed: ${messageOf(thrown)}`, isDamage };
};
