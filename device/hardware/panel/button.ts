import type { Clock } from '../../kit/clock.js';
import type { Input } from '../lines/lines.js';
import type { Press } from './panel.js';

export interface ButtonOptions {
  /** Active while it is pressed. */
  readonly input: Input;
  /** What comes within so long of the last press is the same press. */
  readonly minGapMs: number;
  readonly clock: Clock;
}

/** Has `listener` told of each press; the returned function ends that. */
export const onPress = (
  { input, minGapMs, clock }: ButtonOptions,
  listener: (press: Press) => void,
): (() => void) => {
  let lastMs = -Infinity;
  return input.onEdge(({ active, atNs }) => {
    const atMs = Number(atNs) / 1e6;
    if (!active || atMs - lastMs < minGapMs) return;
    lastMs = atMs;
    listener({ atMs, wallMs: Math.round(clock.wallMs() - (clock.monotonicMs() - atMs)) });
  });
};
