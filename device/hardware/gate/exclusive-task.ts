import { linkedSignal, orAborted } from '../../kit/deadline.js';
import { deferred } from '../../kit/deferred.js';
import { type Answer, type Fault, failed } from '../../kit/errors.js';
import type { GateFault } from './gate.js';

export type Task<T> = (signal: AbortSignal) => Promise<Answer<T, GateFault>>;

const CANCELLED_BY_RETURN: Fault<GateFault> = {
  code: 'gate-failed',
  message: 'gate: the move was cancelled by a request to return home',
};

const CLOSED: Fault<GateFault> = {
  code: 'gate-failed',
  message: 'gate: de-energised permanently for a shutdown. Restart sortbin to move the gate.',
};

/** The abort reason of a cancelled task. The task's answer is `fault`. */
class TaskCancelled extends Error {
  override readonly name = 'TaskCancelled';

  constructor(readonly fault: Fault<GateFault>) {
    super(fault.message);
  }
}

/** Runs one gate task at a time. After `close` it runs none. */
export class ExclusiveTask {
  #running: { readonly cancel: (reason: TaskCancelled) => void; readonly ended: Promise<void> } | null = null;
  #isClosed = false;

  /** Runs `task`, a move to `compartment`. Returns `gate-busy` if another task is running. */
  async run<T>(compartment: string, task: Task<T>, outer: AbortSignal): Promise<Answer<T, GateFault>> {
    outer.throwIfAborted();
    if (this.#running && !this.#isClosed)
      return failed(
        'gate-busy',
        `gate: another move is in progress. Request the move to "${compartment}" again after it.`,
      );
    return this.#start(task, outer);
  }

  /** Cancels the running task, then runs `task`, a return to the home position. */
  async preempt<T>(task: Task<T>, outer: AbortSignal): Promise<Answer<T, GateFault>> {
    outer.throwIfAborted();
    while (this.#running && !this.#isClosed) await orAborted(this.cancel(CANCELLED_BY_RETURN), outer);
    return this.#start(task, outer);
  }

  /** Cancels the running task, which then returns `fault`. Resolves when the task has ended. */
  async cancel(fault: Fault<GateFault>): Promise<void> {
    const running = this.#running;
    running?.cancel(new TaskCancelled(fault));
    await running?.ended;
  }

  /** Cancels the running task. From then on `run` and `preempt` return `gate-failed`. */
  close(): Promise<void> {
    this.#isClosed = true;
    return this.cancel(CLOSED);
  }

  async #start<T>(task: Task<T>, outer: AbortSignal): Promise<Answer<T, GateFault>> {
    if (this.#isClosed) return { ok: false, fault: CLOSED };
    const { signal, abort, release } = linkedSignal(outer);
    const { promise: ended, resolve: resolveEnded } = deferred<void>();
    this.#running = { cancel: abort, ended };
    try {
      return await task(signal);
    } catch (error) {
      if (error instanceof TaskCancelled && error === signal.reason) return { ok: false, fault: error.fault };
      throw error;
    } finally {
      this.#running = null;
      release();
      resolveEnded();
    }
  }
}
