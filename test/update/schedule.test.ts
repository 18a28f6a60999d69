import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimulatedClock } from '../../device/kit/simulated-clock.js';
import { Poller, type Polling } from '../../device/update/poller.js';
import { spreadMsOf } from '../../device/update/schedule.js';
import { randomOf } from '../support/random.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const BINS = 20;

/** Returns the minutes after 22:00 of the first poll of each bin from then on. All bins start at 21:30. */
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
    const times: number[] = [];
    new Poller({ clock, polling, hours, isBusy: () => false, random })
      .run(own, async () => {
        const minute = (clock.monotonicMs() - HOUR_MS / 2) / MINUTE_MS;
        times.push(minute);
        if (minute >= 0 && times.filter((one) => one >= 0).length === 1) minutes.push(minute);
        return null;
      })
      .catch(() => {});
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

test('a poll comes at the begin of each night, however long the interval is', async () => {
  const clock = new SimulatedClock(0, new Date(2026, 0, 1, 21).getTime());
  const hours = { from: '22:00', to: '06:00' };
  const polling = { intervalMs: 48 * HOUR_MS, firstMs: 0, retryMs: MINUTE_MS, spreadMs: HOUR_MS };
  const stopping = new AbortController();
  const nights: number[] = [];
  const poller = new Poller({ clock, polling, hours, isBusy: () => false, random: randomOf(1) });
  const polls = poller.run(stopping.signal, async () => {
    const hour = clock.monotonicMs() / HOUR_MS + 21;
    if (hour % 24 >= 22) nights.push(Math.floor(hour / 24));
    return null;
  });
  await clock.advance(7 * 24 * HOUR_MS);
  stopping.abort();
  await assert.rejects(polls);
  assert.deepEqual(nights, [0, 1, 2, 3, 4, 5, 6]);
});

test('an update that the network ends is continued soon, with growing pauses, until one succeeds', async () => {
  const clock = new SimulatedClock(0);
  const polling = { intervalMs: 6 * HOUR_MS, firstMs: 0, retryMs: MINUTE_MS, spreadMs: 0 };
  const stopping = new AbortController();
  const times: number[] = [];
  let isBusy = false;
  let cuts = 4;
  const poller = new Poller({ clock, polling, hours: null, isBusy: () => isBusy, random: () => 0.5 });
  const polls = poller.run(stopping.signal, async () => {
    times.push(Math.round(clock.monotonicMs() / MINUTE_MS));
    isBusy = true;
    clock.after(10 * MINUTE_MS, () => {
      isBusy = false;
      if (cuts-- > 0) poller.failed('update-unreachable');
    });
    return null;
  });
  await clock.advance(20 * HOUR_MS);
  stopping.abort();
  await assert.rejects(polls);
  // 10 minutes of download, then 1, 2, 4 and 8 minutes of pause. After the success, the interval.
  assert.deepEqual(times, [0, 11, 23, 37, 55, 55 + 360, 55 + 720, 55 + 1080]);
});

test('other faults of an update do not bring the next poll forward', async () => {
  const clock = new SimulatedClock(0);
  const polling = { intervalMs: 6 * HOUR_MS, firstMs: 0, retryMs: MINUTE_MS, spreadMs: 0 };
  const stopping = new AbortController();
  let count = 0;
  const poller = new Poller({ clock, polling, hours: null, isBusy: () => false, random: () => 0.5 });
  const polls = poller.run(stopping.signal, async () => {
    count += 1;
    clock.after(MINUTE_MS, () => poller.failed('update-file-invalid'));
    return null;
  });
  await clock.advance(HOUR_MS);
  stopping.abort();
  await assert.rejects(polls);
  assert.equal(count, 1);
});
