import type { Clock } from '../../../kit/clock.js';
import { sleep } from '../../../kit/deadline.js';
import { type Answer, failed } from '../../../kit/errors.js';
import type { Input, LineFault, Off, Output, Pwm } from '../lines.js';

/** How often a guard is read while what it guards is on. */
const LOOK_MS = 100;

export interface Guarding {
  readonly guards: readonly Input[];
  readonly clock: Clock;
}

type Work = (signal: AbortSignal) => Promise<Answer<Off, LineFault>>;

/** Resolves once one of them cannot be read: sysfs tells nobody that a chip was unplugged. */
const untilUnreadable = async ({ guards, clock }: Guarding, signal: AbortSignal): Promise<void> => {
  let levels: Answer<boolean, LineFault>[];
  do {
    await sleep(clock, LOOK_MS, signal);
    levels = await Promise.all(guards.map((guard) => guard.active()));
  } while (levels.every(({ ok }) => ok));
};

/**
 * Guards of outputs whose driver does not see the inputs: the daemon watches them, and turns the output off. Where the
 * daemon hangs, the lease does. A guard that cannot be read stops a move as one that is active does.
 */
const under = async (name: string, guarding: Guarding, signal: AbortSignal, work: Work) => {
  const { guards } = guarding;
  if (guards.length === 0) return work(signal);
  const alarm = new AbortController();
  const over = new AbortController();
  const rests = guards.map((guard) => guard.onEdge(({ active }) => active && alarm.abort()));
  try {
    for (const guard of guards) {
      const active = await guard.active();
      if (!active.ok) {
        return failed(
          'line-guarded',
          `"${name}" stays off, its guard cannot be read: ${active.fault.message}`,
        );
      }
      if (active.value || alarm.signal.aborted) {
        return failed(
          'line-guarded',
          `"${name}" stays off, its guard "${guard.name}" is active; clear what it sees`,
        );
      }
    }
    untilUnreadable(guarding, over.signal).then(
      () => alarm.abort(),
      () => {},
    );
    const answer = await work(AbortSignal.any([signal, alarm.signal]));
    if (!answer.ok || !alarm.signal.aborted || answer.value.reason !== 'command') return answer;
    return { ...answer, value: { ...answer.value, reason: 'guard' as const } };
  } finally {
    over.abort();
    for (const rest of rests) rest();
  }
};

export const guardedOutput = (output: Output, guarding: Guarding): Output => ({
  name: output.name,
  pulse: (onMs, signal) => under(output.name, guarding, signal, (inner) => output.pulse(onMs, inner)),
  hold: (signal) => under(output.name, guarding, signal, (inner) => output.hold(inner)),
});

export const guardedPwm = (pwm: Pwm, guarding: Guarding): Pwm => ({
  name: pwm.name,
  drive: (pulseUs, signal) => under(pwm.name, guarding, signal, (inner) => pwm.drive(pulseUs, inner)),
});
