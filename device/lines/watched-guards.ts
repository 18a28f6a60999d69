import { type Answer, failed } from '../kit/errors.js';
import type { Input, LineFault, Off, Output, Pwm } from './lines.js';

type Work = (signal: AbortSignal) => Promise<Answer<Off, LineFault>>;

/**
 * Guards of outputs whose driver does not see the inputs: the daemon watches them, and turns the output off. Where the
 * daemon hangs, the lease does.
 */
const under = async (name: string, guards: readonly Input[], signal: AbortSignal, work: Work) => {
  const alarm = new AbortController();
  const rests = guards.map((guard) => guard.onEdge(({ active }) => active && alarm.abort()));
  try {
    for (const guard of guards) {
      const active = await guard.active();
      // A guard that cannot be read stops a move as one that is active does.
      if (!active.ok || active.value || alarm.signal.aborted) {
        return failed(
          'line-guarded',
          `"${name}" stays off, its guard "${guard.name}" is active; clear what it sees`,
        );
      }
    }
    const answer = await work(AbortSignal.any([signal, alarm.signal]));
    if (!answer.ok || !alarm.signal.aborted || answer.value.reason !== 'command') return answer;
    return { ...answer, value: { ...answer.value, reason: 'guard' as const } };
  } finally {
    for (const rest of rests) rest();
  }
};

export const guardedOutput = (output: Output, guards: readonly Input[]): Output => ({
  name: output.name,
  pulse: (onMs, signal) => under(output.name, guards, signal, (inner) => output.pulse(onMs, inner)),
  hold: (signal) => under(output.name, guards, signal, (inner) => output.hold(inner)),
});

export const guardedPwm = (pwm: Pwm, guards: readonly Input[]): Pwm => ({
  name: pwm.name,
  drive: (pulseUs, signal) => under(pwm.name, guards, signal, (inner) => pwm.drive(pulseUs, inner)),
});
