import { type Answer, failed, messageOf } from '../../kit/errors.js';
import { SerialQueue } from '../../kit/serial-queue.js';
import type { VisionFault } from './vision.js';

/** Processes one frame at a time. A second frame waits, and a third is refused. */
export class FrameQueue {
  readonly #queue = new SerialQueue(2);

  get isIdle(): boolean {
    return this.#queue.isIdle;
  }

  async run<T>(
    signal: AbortSignal,
    work: () => Promise<Answer<T, VisionFault>>,
  ): Promise<Answer<T, VisionFault>> {
    if (this.#queue.isFull)
      return failed(
        'vision-failed',
        'vision: one frame is being processed and another one is waiting. Try again.',
      );
    let end: () => void;
    try {
      end = await this.#queue.turn(signal);
    } catch (thrown) {
      return failed('vision-timeout', `vision: cancelled before its turn (${messageOf(thrown)})`);
    }
    return work().finally(end);
  }

  /** Waits until all frames that were accepted so far are processed. */
  untilIdle(): Promise<void> {
    return this.#queue.untilIdle();
  }
}
