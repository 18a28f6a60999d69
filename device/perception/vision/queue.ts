import { type Answer, failed, messageOf } from '../../kit/errors.js';
import type { VisionFault } from './vision.js';

/** One job at a time; a second one waits for it, a third is refused. */
export class Queue {
  #running: Promise<unknown> | null = null;
  #waiting = false;

  async run<T>(
    signal: AbortSignal,
    work: () => Promise<Answer<T, VisionFault>>,
  ): Promise<Answer<T, VisionFault>> {
    if (this.#waiting)
      return failed('vision-failed', 'one frame is being classified and another one waits; ask again');
    if (this.#running) {
      this.#waiting = true;
      const free = await this.#free(signal);
      this.#waiting = false;
      if (!free) return failed('vision-timeout', `no time was left (${messageOf(signal.reason)})`);
    }
    const job = work();
    this.#running = job;
    try {
      return await job;
    } finally {
      this.#running = null;
    }
  }

  get busy(): boolean {
    return this.#running !== null || this.#waiting;
  }

  /** Settles when nothing runs; what waits has begun then. */
  async idle(): Promise<void> {
    while (this.#running) await this.#running.catch(() => {});
  }

  /** Whether what runs has ended before `signal` was aborted. */
  async #free(signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return false;
    const aborted = new Promise<boolean>((resolve) => {
      signal.addEventListener('abort', () => resolve(false), { once: true });
    });
    return Promise.race([aborted, this.idle().then(() => true)]);
  }
}
