import type { Clock } from '../../../kit/clock.js';
import { sleep } from '../../../kit/deadline.js';
import { type Answer, failed } from '../../../kit/errors.js';
import type { Input, LineFault, Off, Output, Pwm } from '../lines.js';

/** Interval at which guards are read while their output is on. */
const CHECK_EVERY_MS = 100;

/** Inputs that keep an output off while one of them is active. The daemon checks them, not sortbin-io. */
export interface SoftwareGuards {
  readonly inputs: readonly Input[];
  readonly clock: Clock;
}

type Work = (signal: AbortSignal) => Promise<Answer<Off, LineFault>>;

/** Resolves when a guard cannot be read. Sysfs does not report that a chip was unplugged. */
const untilUnreadable = async ({ inputs, clock }: SoftwareGuards, signal: AbortSignal): Promise<void> => {
  let levels: Answer<boolean, LineFault>[];
  do {
    await sleep(clock, CHECK_EVERY_MS, signal);
    levels = await Promise.all(inputs.map((input) => input.active()));
  } while (levels.every(({ ok }) => ok));
};

/**
 * Runs `work` and aborts it when a guard becomes active or cannot be read.
 * If the daemon hangs meanwhile, the output goes off when its lease expires.
 */
const runGuarded = async (name: string, guards: SoftwareGuards, signal: AbortSignal, work: Work) => {
  const { inputs } = guards;
  if (inputs.length === 0) return work(signal);
  const guarded = new AbortController();
  const finished = new AbortController();
  const removers = inputs.map((input) => input.onEdge(({ active }) => active && guarded.abort()));
  try {
    for (const input of inputs) {
      const active = await input.active();
      if (!active.ok) {
        return failed(
          'line-guarded',
          `"${name}": stays off because its guard cannot be read. ${active.fault.message}`,
          name,
        );
      }
      if (active.value || guarded.signal.aborted) {
        return failed(
          'line-guarded',
          `"${name}": stays off because its guard "${input.name}" is active. Clear what the guard detects.`,
          name,
        );
      }
    }
    untilUnreadable(guards, finished.signal).then(
      () => guarded.abort(),
      () => {},
    );
    const answer = await work(AbortSignal.any([signal, guarded.signal]));
    if (!answer.ok || !guarded.signal.aborted || answer.value.reason !== 'command') return answer;
    return { ...answer, value: { ...answer.value, reason: 'guard' as const } };
  } finally {
    finished.abort();
    for (const remove of removers) remove();
  }
};

export const guardOutput = (output: Output, guards: SoftwareGuards): Output => ({
  name: output.name,
  pulse: (onMs, signal) => runGuarded(output.name, guards, signal, (inner) => output.pulse(onMs, inner)),
  hold: (signal) => runGuarded(output.name, guards, signal, (inner) => output.hold(inner)),
});

export const guardPwm = (pwm: Pwm, guards: SoftwareGuards): Pwm => ({
  name: pwm.name,
  drive: (pulseUs, signal) => runGuarded(pwm.name, guards, signal, (inner) => pwm.drive(pulseUs, inner)),
});
