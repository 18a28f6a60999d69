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
