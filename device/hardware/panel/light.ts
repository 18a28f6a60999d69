import type { Clock } from '../../kit/clock.js';
import { DeadlineExceeded, orAborted, withDeadline } from '../../kit/deadline.js';
import { type Answer, done, failed } from '../../kit/errors.js';
import type { LineFault, Output } from '../lines/lines.js';
import type { Light } from './panel.js';

export interface LineLightOptions {
  /** Its bound is the light's: longer than a capture may take. */
  readonly output: Output;
  /** Until it shines steadily and the camera has become used to it. */
  readonly settleMs: number;
  readonly clock: Clock;
}

/** A lamp on an output. */
export class LineLight implements Light {
  #before: Promise<unknown> = Promise.resolve();

  constructor(private readonly options: LineLightOptions) {}

  async on(signal: AbortSignal): Promise<Answer<void, LineFault>> {
    signal.throwIfAborted();
    const { output, settleMs, clock } = this.options;
    const begun = this.#before.then(() => {
      signal.throwIfAborted();
      return { off: output.hold(signal) };
    });
    this.#before = begun.then(({ off }) => off).catch(() => {});
    const { off } = await orAborted(begun, signal);
    try {
      const answer = await withDeadline(clock, settleMs, () => off, signal);
      signal.throwIfAborted();
      if (!answer.ok) return answer;
      return failed('line-refused', `${output.name}: it went off before it shone (${answer.value.reason})`);
    } catch (error) {
      if (signal.aborted || !(error instanceof DeadlineExceeded)) throw error;
      return done(undefined); // It is on still.
    }
  }
}

/** Where there is none. */
export const noLight: Light = {
  on: async (signal) => {
    signal.throwIfAborted();
    return done(undefined);
  },
};
