import { setMaxListeners } from 'node:events';
import type { Clock } from './clock.js';

/** Waits for `delayMs`. Rejects with the signal's reason if the signal is aborted first. */
export const sleep = (clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = () => {
      cancel();
      reject(signal?.reason);
    };
    const cancel = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });

/** Rejects with the signal's reason when the signal is aborted. Never resolves. */
export const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    if (signal.aborted) return reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });

/** Settles like `promise`, or rejects with the signal's reason. Removes its listener: some signals live for years. */
export const orAborted = <T>(promise: Promise<T>, signal: AbortSignal): Promise<T> =>
  new Promise<T>((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });

/**
 * Returns a controller for a signal that many operations wait on at the same time. From 11 listeners on, Node would warn
 * of a leak. Each wait must remove its listener at its end, as those of this file do.
 */
export const sharedController = (): AbortController => {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
};

/** An abort signal that is also aborted with an outer signal. `release` removes the listener on the outer signal. */
export interface LinkedSignal {
  readonly signal: AbortSignal;
  abort(reason?: unknown): void;
  release(): void;
}

export const linkedSignal = (outer?: AbortSignal): LinkedSignal => {
  const own = new AbortController();
  const follow = () => own.abort(outer?.reason);
  if (outer?.aborted) follow();
  else outer?.addEventListener('abort', follow, { once: true });
  return {
    signal: own.signal,
    abort: (reason) => own.abort(reason),
    release: () => outer?.removeEventListener('abort', follow),
  };
};

/** The abort reason of `withDeadline` when the deadline has passed. */
export class DeadlineExceeded extends Error {
  override readonly name = 'DeadlineExceeded';

  constructor(readonly deadlineMs: number) {
    super(`no answer within ${deadlineMs} ms`);
  }
}

/**
 * Runs `work` with a signal that is aborted after `deadlineMs`, or when `outer` is aborted. Settles at that moment,
 * even if `work` ignores its signal.
 * @throws DeadlineExceeded, the outer signal's reason, or what `work` throws
 */
export const withDeadline = async <T>(
  clock: Clock,
  deadlineMs: number,
  work: (signal: AbortSignal) => Promise<T>,
  outer?: AbortSignal,
): Promise<T> => {
  const inner = linkedSignal(outer);
  const cancel = clock.after(deadlineMs, () => inner.abort(new DeadlineExceeded(deadlineMs)));
  try {
    return await orAborted(work(inner.signal), inner.signal);
  } finally {
    cancel();
    inner.release();
  }
};

/**
 * Waits for `promise` until a deadline, or until the signal is aborted. Unlike `withDeadline`, it makes no signal, which
 * counts for a wait that thousands of messages make.
 * @throws DeadlineExceeded, or the signal's reason
 */
export const within = <T>(
  clock: Clock,
  deadlineMs: number,
  promise: Promise<T>,
  signal: AbortSignal,
): Promise<T> =>
  new Promise<T>((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    const cancel = clock.after(deadlineMs, () => reject(new DeadlineExceeded(deadlineMs)));
    const release = () => {
      cancel();
      signal.removeEventListener('abort', onAbort);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(release);
  });

/** Time for an event loop that was blocked to read the answers that arrived meanwhile. */
const GRACE_MS = 20;

/**
 * Runs `task` if something did not happen within `delayMs`. Returns a function that cancels it.
 * After a block, the event loop runs timers before it reads input. The grace time lets a late answer in first.
 */
export const whenOverdue = (clock: Clock, delayMs: number, task: () => void): (() => void) => {
  let cancel = clock.after(delayMs, () => {
    cancel = clock.after(GRACE_MS, task);
  });
  return () => cancel();
};
