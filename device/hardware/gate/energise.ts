import type { Clock } from '../../kit/clock.js';
import { linkedSignal, orAborted, sleep } from '../../kit/deadline.js';
import { type Answer, done } from '../../kit/errors.js';
import type { Input, LineFault, Off } from '../lines/lines.js';
import type { GateFault } from './gate.js';
import { toGateFault, unexpectedOffFault } from './line-faults.js';

/** Whether the switch becomes active in time: true at the moment when it does. */
export const waitUntilActive = async (
  input: Input,
  withinMs: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<Answer<boolean, LineFault>> => {
  const waiting = linkedSignal(signal);
  let forget = () => {};
  const edge = new Promise<true>((resolve) => {
    forget = input.onEdge(({ active }) => active && resolve(true));
  });
  try {
    const level = await orAborted(input.active(), signal);
    if (!level.ok || level.value) return level;
    const late = sleep(clock, withinMs, waiting.signal).then(() => false);
    if (await Promise.race([edge, late])) return done(true);
    // An edge may have been lost; the level is the truth.
    return await orAborted(input.active(), signal);
  } finally {
    forget();
    waiting.abort();
    waiting.release();
  }
};

export interface EnergiseOptions {
  /** The line's name, for messages. */
  readonly name: string;
  /** Energises it until the signal is aborted, or until a time of its own is over. */
  readonly start: (signal: AbortSignal) => Promise<Answer<Off, LineFault>>;
  /** The switch that says "there"; null: the time says it. */
  readonly positionSwitch: Input | null;
  readonly withinMs: number;
  /** It stays energised for so long once it is there. */
  readonly holdMs: number;
}

/** Energises until it is there or the time is over: true or false, and off in each case, an error's too. */
export const energise = async (
  { name, start, positionSwitch: until, withinMs, holdMs: lingerMs }: EnergiseOptions,
  clock: Clock,
  signal: AbortSignal,
): Promise<Answer<boolean, GateFault>> => {
  signal.throwIfAborted();
  const ending = linkedSignal(signal);
  const watch = async (): Promise<Answer<boolean, LineFault>> => {
    if (until) {
      const there = await waitUntilActive(until, withinMs, clock, ending.signal);
      if (!there.ok || !there.value) return there;
    } else await sleep(clock, withinMs, ending.signal);
    if (lingerMs > 0) await sleep(clock, lingerMs, ending.signal);
    return done(true);
  };
  const running = start(ending.signal);
  let seen: Answer<boolean, LineFault> | null = null;
  try {
    seen = await Promise.race([watch(), running.then(() => null)]);
  } finally {
    ending.abort();
    ending.release();
    await running;
  }
  const fault = unexpectedOffFault(name, await running, seen ? ['command', 'time'] : ['time']);
  signal.throwIfAborted();
  if (fault) return fault;
  if (seen && !seen.ok) return toGateFault(seen.fault);
  if (!until || seen?.value) return done(true);
  const last = await orAborted(until.active(), signal);
  return last.ok ? last : toGateFault(last.fault);
};
