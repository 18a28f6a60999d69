import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimulatedClock } from '../../device/kit/simulated-clock.js';
import { isWithin, type Polling, poll, spreadMsOf } from '../../device/update/schedule.js';
import { randomOf } from '../support/random.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const BINS = 20;

/** Returns the minutes after 22:00 of the first poll of each bin. All bins start at 21:30. */
const firstPolls = async (to: string, spreadMs?: number): Promise<number[]> => {
  const startMs = new Date(2026, 0, 1, 21, 30).getTime();
  const clock = new SimulatedClock(0, startMs);
  const hours = { from: '22:00', to };
  const intervalMs = 6 * HOUR_MS;
  const polling: Polling = {
    intervalMs,
    firstMs: 5 * MINUTE_MS,
    retryMs: MINUTE_MS,
    spreadMs: spreadMs ?? spreadMsOf(hours, intervalMs),
  };
  const random = randomOf(1);
  const stopping = new AbortController();
  const minutes: number[] = [];
  for (let bin = 0; bin < BINS; bin += 1) {
    const own = AbortSignal.any([stopping.signal]);
    const isAllowed = () => isWithin(hours, clock.wallMs());
    let isFirst = true;
    poll({ clock, polling, isAllowed, random }, own, async () => {
      if (isFirst) minutes.push((clock.monotonicMs() - HOUR_MS / 2) / MINUTE_MS);
      isFirst = false;
      return null;
    }).catch(() => {});
  }
  await clock.advance(9 * HOUR_MS);
  stopping.abort();
  return minutes;
};

test('bins that wait for the same hours do not poll together', async () => {
  const minutes = await firstPolls('06:00');
  assert.equal(minutes.length, BINS);
  const last = Math.max(...minutes);
  assert.ok(last > 180 && last <= 241.5, `the last one came after ${last} min`);
  const together = Math.max(
    ...minutes.map((one) => minutes.filter((other) => other >= one && other < one + 5).length),
  );
  assert.ok(together <= 4, `${together} of ${BINS} bins in 5 min`);
});

test('all bins poll within short hours', async () => {
  const minutes = await firstPolls('22:20');
  assert.equal(minutes.length, BINS);
  assert.ok(Math.max(...minutes) < 20);
});

test('a bin whose wait passes the end of the hours waits for the next ones', async () => {
  const minutes = await firstPolls('22:20', 4 * HOUR_MS);
  assert.ok(minutes.every((minute) => minute < 20));
});
