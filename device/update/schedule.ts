import { backoffMs } from '../kit/backoff.js';
import type { Clock } from '../kit/clock.js';
import { sleep } from '../kit/deadline.js';

/** A span of the day in local time, such as 22:00 to 06:00. It may pass midnight. */
export interface Hours {
  /** `HH:MM` */
  readonly from: string;
  /** `HH:MM`. The same as `from`: the whole day. */
  readonly to: string;
}

const MINUTE_MS = 60_000;
const DAY_MINUTES = 24 * 60;

const minuteOf = (time: string): number => {
  const [hours = 0, minutes = 0] = time.split(':').map(Number);
  return hours * 60 + minutes;
};

/** Returns whether a time of the wall clock is within the hours. null: always. */
export const isWithin = (hours: Hours | null, wallMs: number): boolean => {
  if (!hours) return true;
  const [from, to] = [minuteOf(hours.from), minuteOf(hours.to)];
  const now = new Date(wallMs);
  const minute = now.getHours() * 60 + now.getMinutes();
  if (from === to) return true;
  return from < to ? from <= minute && minute < to : from <= minute || minute < to;
};

/** Returns the time by which polls spread at the begin of the hours: half of their length, at most the interval. */
export const spreadMsOf = (hours: Hours | null, intervalMs: number): number => {
  if (!hours) return 0;
  const minutes = (minuteOf(hours.to) - minuteOf(hours.from) + DAY_MINUTES) % DAY_MINUTES;
  return Math.min(intervalMs, (minutes / 2) * MINUTE_MS);
};

export interface Polling {
  readonly intervalMs: number;
  /** The first poll after a start is at a random time within this. */
  readonly firstMs: number;
  /** Minimum pause before an attempt that the network ended is continued. It doubles, up to `intervalMs`. */
  readonly retryMs: number;
  /** A poll that waited for the allowed hours is at a random time within this. */
  readonly spreadMs: number;
}

/** Runs `work` again and again, with a pause before each run, until the signal is aborted. Then it rejects. */
export const every = async (
  clock: Clock,
  pauseMs: number,
  signal: AbortSignal,
  work: () => Promise<unknown>,
): Promise<never> => {
  for (;;) {
    await sleep(clock, pauseMs, signal);
    await work();
  }
};

export interface PollParts {
  readonly clock: Clock;
  readonly polling: Polling;
  /** Whether the time is within the allowed hours. */
  readonly isAllowed: () => boolean;
  /** Returns a number from 0 to below 1. */
  readonly random: () => number;
}

/** The network ended the attempt. It is continued before the next poll. */
const NETWORK: readonly (string | null)[] = ['update-unreachable', 'update-too-slow'];
const HOURS_PAUSE_MS = MINUTE_MS;

/**
 * Polls until the signal is aborted, and then rejects. `work` returns the code of the fault that ended it. Each pause is
 * random, from half to one and a half of its length, so that the bins of a fleet do not poll together.
 */
export const poll = async (
  { clock, polling, isAllowed, random }: PollParts,
  signal: AbortSignal,
  work: () => Promise<string | null>,
): Promise<never> => {
  const limits = { minMs: polling.retryMs, maxMs: polling.intervalMs };
  const pause = (pauseMs: number) => sleep(clock, pauseMs * (0.5 + random()), signal);
  let failures = 0;
  await sleep(clock, random() * polling.firstMs, signal);
  for (;;) {
    while (!isAllowed()) {
      while (!isAllowed()) await pause(HOURS_PAUSE_MS);
      await sleep(clock, random() * polling.spreadMs, signal);
    }
    failures = NETWORK.includes(await work()) ? failures + 1 : 0;
    await pause(failures > 0 ? backoffMs(failures - 1, limits) : polling.intervalMs);
  }
};
