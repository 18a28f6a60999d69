import { orAborted } from './deadline.js';
import { deferred } from './deferred.js';

/** Gives turns one at a time, in the order of the requests. */
export class SerialQueue {
  #last: Promise<void> = Promise.resolve();
  #length = 0;

  /** `capacity`: the number of turns, running and waiting, from which on `isFull` is true. The caller refuses then. */
  constructor(private readonly capacity = Number.POSITIVE_INFINITY) {}

  get isFull(): boolean {
    return this.#length >= this.capacity;
  }

  /** Whether no turn is running or waiting. */
  get isIdle(): boolean {
    return this.#length === 0;
  }

  /** Waits for a turn. Returns the function that ends it. Rejects if `signal` is aborted first, with its reason. */
  async turn(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    const previous = this.#last;
    const { promise, resolve } = deferred<void>();
    this.#last = previous.then(() => promise);
    this.#length += 1;
    const leave = () => {
      this.#length -= 1;
      resolve();
    };
    try {
      await orAborted(previous, signal);
      return leave;
    } catch (thrown) {
      leave();
      throw thrown;
    }
  }

  /** Runs `work` in its turn. Rejects if `signal` is aborted first, with its reason. */
  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const end = await this.turn(signal);
    try {
      return await work();
    } finally {
      end();
    }
  }

  /** Waits for the end of all turns that were requested so far. */
  async untilIdle(): Promise<void> {
    await this.#last;
  }
}
