import type { Clock } from '../../kit/clock.js';
import { sleep } from '../../kit/deadline.js';
import { type Answer, type Fault, messageOf, SortbinError } from '../../kit/errors.js';
import type { LineFault, Off, Output } from '../lines/lines.js';

/** `steady`: on all the time; else on, off, on, … for so long each, in ms, once or over and over. */
export type Pattern = 'steady' | { readonly onOffMs: readonly number[]; readonly repeat: boolean };

/** A LED or a buzzer, and what it does. */
export interface Indicator {
  readonly output: Output;
  readonly pattern: Pattern;
}

/** After an output went off without being asked, or refused: the pause before it is tried again. */
const RETRY_MS = 1_000;

/** @throws SortbinError `pattern-invalid` */
export const checkPattern = ({ output, pattern }: Indicator): void => {
  if (pattern === 'steady') return;
  const { onOffMs, repeat } = pattern;
  const wrong = (what: string) =>
    new SortbinError('pattern-invalid', `the pattern of ${output.name}, [${onOffMs.join(', ')}]: ${what}`);
  if (onOffMs.length === 0 || !onOffMs.every((ms) => ms > 0 && Number.isFinite(ms)))
    throw wrong('give one time or more, each above 0 ms');
  if (repeat && onOffMs.length % 2 === 1)
    throw wrong('what repeats must end with a time off; give one more time');
};

/**
 * Plays until the pattern is over or `signal` is aborted; then the output is off. `tell`: how each time on ended. Never
 * rejects: a sign that fails stops nothing else.
 */
export const playPattern = async (
  { output, pattern }: Indicator,
  clock: Clock,
  signal: AbortSignal,
  tell: (fault: Fault<LineFault> | null) => void,
): Promise<void> => {
  const ended = async (time: Promise<Answer<Off, LineFault>>) => {
    const answer = await time;
    tell(answer.ok ? null : answer.fault);
    signal.throwIfAborted();
    if (!answer.ok || answer.value.reason !== 'time') await sleep(clock, RETRY_MS, signal);
  };
  try {
    signal.throwIfAborted();
    if (pattern === 'steady') while (true) await ended(output.hold(signal));
    const { onOffMs, repeat } = pattern;
    do
      for (const [index, ms] of onOffMs.entries())
        await (index % 2 === 0 ? ended(output.pulse(ms, signal)) : sleep(clock, ms, signal));
    while (repeat);
  } catch (error) {
    if (!signal.aborted) tell({ code: 'lines-down', message: messageOf(error) });
  }
};
