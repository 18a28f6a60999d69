import { messageOf } from '../kit/errors.js';
import { type Journal, JournalError, type JournalErrorCode } from './journal.js';

/** What crosses between the daemon's thread and the journal's worker: a request is a method's name and arguments. */
export type Method = keyof Journal;
export type Arguments<M extends Method> = Parameters<Journal[M]>;
export type Result<M extends Method> = Awaited<ReturnType<Journal[M]>>;

export type Request = {
  [M in Method]: { readonly id: number; readonly method: M; readonly args: Arguments<M> };
}[Method];

export type Reply =
  | { readonly id: number; readonly ok: true; readonly value: unknown }
  | { readonly id: number; readonly ok: false; readonly code: JournalErrorCode; readonly message: string };

/** The worker's first reply, which no request asked for: the journal is open, or why not. Requests count from 1. */
export const OPENING = 0;

/** The journal as it is behind the worker: the same methods, without promises. */
export type SynchronousJournal = {
  [M in Method]: (...args: Arguments<M>) => Result<M>;
};

/** An error's way over: class and cause stay behind, code and text arrive. */
export const failureOf = (id: number, doing: string, thrown: unknown): Reply =>
  thrown instanceof JournalError
    ? { id, ok: false, code: thrown.code, message: thrown.message }
    : { id, ok: false, code: 'journal-failed', message: `${doing} failed: ${messageOf(thrown)}` };
