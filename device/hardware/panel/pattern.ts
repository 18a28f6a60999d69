import type { Clock } from '../../kit/clock.js';
import { sleep } from '../../kit/deadline.js';
import { type Answer, type Fault, messageOf, SortbinError } from '../../kit/errors.js';
import type { LineFault, Off, Output } from '../lines/lines.js';

/** `steady`: always on. Otherwise alternating on and off times in ms, played once or repeated. */
export type Pattern = 'steady' | { readonly onOffMs: readonly number[]; readonly repeat: boolean };

/** An LED or a buzzer with its pattern. */
export interface Indicator {
  readonly output: Output;
  readonly pattern: Pattern;
}

/** The pause before the next attempt, after an output was refused or turned off unexpectedly. */
const RETRY_MS = 1_000;

/** @throws SortbinError `pattern-invalid` */
export const checkPattern = ({ output, pattern }: Indicator): void => {
  if (pattern === 'steady') return;
  const { onOffMs, repeat } = pattern;
  const invalid = (problem: string) =>
    new SortbinError('pattern-invalid', `"${output.name}": the pattern [${onOffMs.join(', ')}] ${problem}`);
  if (onOffMs.length === 0 || !onOffMs.every((ms) => ms > 0 && Number.isFinite(ms)))
    throw invalid('is not valid. Give at least one time, each above 0 ms.');
  if (repeat && onOffMs.length % 2 === 1)
    throw invalid('repeats but does not end with an off time. Add an off time.');
};

/**
 * Plays a pattern until it ends or `signal` is aborted. The output is off afterwards. Calls `onOff` with the fault or
 * null each time the output was turned off. Never rejects, so that a failed indicator stops nothing else.
 */
export const playPattern = async (
  { output, pattern }: Indicator,
  clock: Clock,
  signal: AbortSignal,
  onOff: (fault: Fault<LineFault> | null) => void,
): Promise<void> => {
  const waitForOff = async (off: Promise<Answer<Off, LineFault>>) => {
    const answer = await off;
    onOff(answer.ok ? null : answer.fault);
    signal.throwIfAborted();
    if (!answer.ok || answer.value.reason !== 'time') await sleep(clock, RETRY_MS, signal);
  };
  try {
    signal.throwIfAborted();
    if (pattern === 'steady') while (true) await waitForOff(output.hold(signal));
    const { onOffMs, repeat } = pattern;
    do
      for (const [index, ms] of onOffMs.entries())
        await (index % 2 === 0 ? waitForOff(output.pulse(ms, signal)) : sleep(clock, ms, signal));
    while (repeat);
  } catch (error) {
    if (!signal.aborted) onOff({ code: 'lines-down', message: messageOf(error) });
  }
};
