import type { Clock } from '../../kit/clock.js';
import { DeadlineExceeded, withDeadline } from '../../kit/deadline.js';
import { type Answer, done, failed } from '../../kit/errors.js';
import { SerialQueue } from '../../kit/serial-queue.js';
import type { LineFault, Output } from '../lines/lines.js';
import type { Light } from './panel.js';

export interface LineLightOptions {
  /** Its maximum on-time limits the light. It must be longer than a capture. */
  readonly output: Output;
  /** The time until the brightness is steady and the camera has adapted to it. */
  readonly settleMs: number;
  readonly clock: Clock;
}

/** A lamp on an output. */
export class LineLight implements Light {
  readonly #queue = new SerialQueue();

  constructor(private readonly options: LineLightOptions) {}

  async on(signal: AbortSignal): Promise<Answer<void, LineFault>> {
    const { output, settleMs, clock } = this.options;
    const end = await this.#queue.turn(signal);
    const off = output.hold(signal).finally(end);
    try {
      const answer = await withDeadline(clock, settleMs, () => off, signal);
      signal.throwIfAborted();
      if (!answer.ok) return answer;
      return failed(
        'line-refused',
        `"${output.name}": turned off before settleMs, ${settleMs} ms, had passed. Reason: ${answer.value.reason}.`,
        output.name,
      );
    } catch (error) {
      if (signal.aborted || !(error instanceof DeadlineExceeded)) throw error;
      return done(undefined); // The light is still on after `settleMs`.
    }
  }
}

/** The light of a bin without a lamp. */
export const noLight: Light = {
  on: async (signal) => {
    signal.throwIfAborted();
    return done(undefined);
  },
};
