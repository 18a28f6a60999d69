import type { Clock } from '../../kit/clock.js';
import { linkedSignal, orAborted, sleep } from '../../kit/deadline.js';
import { type Answer, done } from '../../kit/errors.js';
import type { Input, LineFault, Off } from '../lines/lines.js';
import type { GateFault } from './gate.js';
import { toGateFault, unexpectedOffFault } from './line-faults.js';

/** Waits until the switch is active. Returns true at that moment, or false after `withinMs`. */
export const waitUntilActive = async (
  input: Input,
  withinMs: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<Answer<boolean, LineFault>> => {
  const waiting = linkedSignal(signal);
  let unsubscribe = () => {};
  const edge = new Promise<true>((resolve) => {
    unsubscribe = input.onEdge(({ active }) => active && resolve(true));
  });
  try {
    const level = await orAborted(input.active(), signal);
    if (!level.ok || level.value) return level;
    const timeout = sleep(clock, withinMs, waiting.signal).then(() => false);
    if (await Promise.race([edge, timeout])) return done(true);
    // An edge can be lost, so the level decides.
    return await orAborted(input.active(), signal);
  } finally {
    unsubscribe();
    waiting.abort();
    waiting.release();
  }
};

export interface EnergiseOptions {
  /** The name of the actuator's line, for messages. */
  readonly name: string;
  /** Energises the actuator until the signal is aborted or the line's own time limit expires. */
  readonly start: (signal: AbortSignal) => Promise<Answer<Off, LineFault>>;
  /** The switch that is active in the target position. If null, the position is reached after `withinMs`. */
  readonly positionSwitch: Input | null;
  readonly withinMs: number;
  /** The time for which the actuator stays energised in the target position. */
  readonly holdMs: number;
}

/**
 * Energises the actuator until the position is reached (true) or the time is over (false). The actuator is off when the
 * promise settles.
 */
export const energise = async (
  { name, start, positionSwitch, withinMs, holdMs }: EnergiseOptions,
  clock: Clock,
  signal: AbortSignal,
): Promise<Answer<boolean, GateFault>> => {
  signal.throwIfAborted();
  const ending = linkedSignal(signal);
  const waitForPosition = async (): Promise<Answer<boolean, LineFault>> => {
    if (positionSwitch) {
      const reached = await waitUntilActive(positionSwitch, withinMs, clock, ending.signal);
      if (!reached.ok || !reached.value) return reached;
    } else await sleep(clock, withinMs, ending.signal);
    if (holdMs > 0) await sleep(clock, holdMs, ending.signal);
    return done(true);
  };
  const running = start(ending.signal);
  let reached: Answer<boolean, LineFault> | null = null;
  try {
    reached = await Promise.race([waitForPosition(), running.then(() => null)]);
  } finally {
    ending.abort();
    ending.release();
    await running;
  }
  const fault = unexpectedOffFault(name, await running, reached ? ['command', 'time'] : ['time']);
  signal.throwIfAborted();
  if (fault) return fault;
  if (reached && !reached.ok) return toGateFault(reached.fault);
  if (!positionSwitch || reached?.value) return done(true);
  const level = await orAborted(positionSwitch.active(), signal);
  return level.ok ? level : toGateFault(level.fault);
};
