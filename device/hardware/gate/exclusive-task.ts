import { linkedSignal, orAborted } from '../../kit/deadline.js';
import { type Answer, type Fault, failed } from '../../kit/errors.js';
import type { GateFault } from './gate.js';

export type Task<T> = (signal: AbortSignal) => Promise<Answer<T, GateFault>>;

/** The reason with which a running work's signal is aborted; its fault is the work's answer. */
class TaskCancelled extends Error {
  override readonly name = 'Ended';

  constructor(readonly fault: Fault<GateFault>) {
    super(fault.message);
  }
}

/** Lets one work run at a time, until it is closed. */
export class ExclusiveTask {
  #running: { readonly cancel: (reason: TaskCancelled) => void; readonly over: Promise<void> } | null = null;
  #closed: Fault<GateFault> | null = null;

  /** Runs `work`; during another it is refused. */
  async run<T>(what: string, work: Task<T>, outer: AbortSignal): Promise<Answer<T, GateFault>> {
    outer.throwIfAborted();
    if (this.#running && !this.#closed)
      return failed('gate-busy', `the gate is moving; ${what} has to wait for it`);
    return this.#start(work, outer);
  }

  /** Ends what runs, then runs `work`. */
  async preempt<T>(what: string, work: Task<T>, outer: AbortSignal): Promise<Answer<T, GateFault>> {
    outer.throwIfAborted();
    while (this.#running && !this.#closed) {
      const fault = { code: 'gate-failed', message: `${what} was asked for during this` } as const;
      await orAborted(this.end(fault), outer);
    }
    return this.#start(work, outer);
  }

  /** Ends what runs, with `fault` as its answer; resolves once it is over. */
  async end(fault: Fault<GateFault>): Promise<void> {
    const running = this.#running;
    running?.cancel(new TaskCancelled(fault));
    await running?.over;
  }

  /** Ends what runs, for good: `fault` is the answer to all that comes. */
  close(fault: Fault<GateFault>): Promise<void> {
    this.#closed = fault;
    return this.end(fault);
  }

  async #start<T>(work: Task<T>, outer: AbortSignal): Promise<Answer<T, GateFault>> {
    if (this.#closed) return { ok: false, fault: this.#closed };
    const { signal, abort, release } = linkedSignal(outer);
    let isOver = () => {};
    const over = new Promise<void>((resolve) => {
      isOver = resolve;
    });
    this.#running = { cancel: abort, over };
    try {
      return await work(signal);
    } catch (error) {
      if (error instanceof TaskCancelled && error === signal.reason) return { ok: false, fault: error.fault };
      throw error;
    } finally {
      this.#running = null;
      release();
      isOver();
    }
  }
}
