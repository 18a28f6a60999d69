import { type Answer, failed, messageOf } from '../../kit/errors.js';
import type { VisionFault } from './vision.js';

/** Runs one job at a time. A second job waits, and a third is refused. */
export class Queue {
  #running: Promise<unknown> | null = null;
  #isWaiting = false;

  async run<T>(
    signal: AbortSignal,
    work: () => Promise<Answer<T, VisionFault>>,
  ): Promise<Answer<T, VisionFault>> {
    if (this.#isWaiting)
      return failed(
        'vision-failed',
        'vision: one frame is being classified and another one is waiting. Try again.',
      );
    if (this.#running) {
      this.#isWaiting = true;
      const isIdle = await this.#untilIdleOrAborted(signal);
      this.#isWaiting = false;
      if (!isIdle)
        return failed(
          'vision-timeout',
          `vision: cancelled while another frame was classified (${messageOf(signal.reason)})`,
        );
    }
    const job = work();
    this.#running = job;
    try {
      return await job;
    } finally {
      this.#running = null;
    }
  }

  get isBusy(): boolean {
    return this.#running !== null || this.#isWaiting;
  }

  /** Waits until no job runs. A job that was waiting has started by then. */
  async untilIdle(): Promise<void> {
    while (this.#running) await this.#running.catch(() => {});
  }

  /** Returns whether the running job ended before `signal` was aborted. */
  async #untilIdleOrAborted(signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return false;
    const aborted = new Promise<boolean>((resolve) => {
      signal.addEventListener('abort', () => resolve(false), { once: true });
    });
    return Promise.race([aborted, this.untilIdle().then(() => true)]);
  }
}
