import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { spreadMsOf } from '../../device/update/schedule.js';
import { randomOf } from '../support/random.js';
import { HOUR_MS, UpdateDisk, UpdaterRun } from '../support/update/updater.js';

const STEP_MS = 60_000;
const POLLING = { intervalMs: 2 * HOUR_MS, firstMs: 5 * 60_000, retryMs: 60_000 };

/** Lets a bin poll for some days from a local time on. Returns the wall time of each poll, to the minute. */
const pollsOf = async (
  t: TestContext,
  { seed, days, hours }: { readonly seed: number; readonly days: number; readonly hours: boolean },
): Promise<number[]> => {
  const disk = new UpdateDisk(t);
  const allowed = hours ? { from: '22:00', to: '06:00' } : null;
  const run = await UpdaterRun.open(disk, {
    polling: { ...POLLING, spreadMs: spreadMsOf(allowed, POLLING.intervalMs) },
    random: randomOf(seed),
    hours: allowed,
  });
  await run.clock.advance(new Date(2026, 0, 1, 12).getTime() - run.clock.wallMs());
  await run.begin();
  const times: number[] = [];
  for (let step = 0; step < (days * 24 * HOUR_MS) / STEP_MS; step += 1) {
    await run.clock.advance(STEP_MS);
    await new Promise(setImmediate);
    if (disk.repository.refreshes > times.length) times.push(run.clock.wallMs());
  }
  assert.equal(disk.repository.refreshes, times.length, 'at most one poll a minute');
  await run.updater.stop();
  return times;
};

const pausesOf = (times: readonly number[]): number[] =>
  times.slice(1).map((time, index) => time - (times[index] ?? 0));

describe('the polls of a bin', () => {
  it('have pauses of half to one and a half of the interval, and differ between bins', async (t) => {
    const [one, other] = [
      await pollsOf(t, { seed: 1, days: 3, hours: false }),
      await pollsOf(t, { seed: 2, days: 3, hours: false }),
    ];
    for (const times of [one, other]) {
      const pauses = pausesOf(times);
      assert.ok(pauses.length > 20, `${pauses.length} pauses`);
      for (const pause of pauses)
        assert.ok(pause >= HOUR_MS - STEP_MS && pause <= 3 * HOUR_MS + STEP_MS, `${pause / HOUR_MS} h`);
      assert.ok(new Set(pauses).size > pauses.length / 2, 'the pauses are random');
    }
    const shared = one.filter((time) => other.includes(time));
    assert.ok(shared.length < one.length / 4, `${shared.length} of ${one.length} polls in the same minute`);
  });

  it('come at all times, and in the first half of the allowed hours of each night', async (t) => {
    const times = await pollsOf(t, { seed: 3, days: 4, hours: true });
    const hours = times.map((time) => new Date(time).getHours());
    assert.ok(hours.some((hour) => hour >= 6 && hour < 22));
    const nights = times.flatMap((time) => {
      const hour = new Date(time).getHours();
      return hour >= 22 || hour < 2 ? [new Date(time - 12 * HOUR_MS).getDate()] : [];
    });
    assert.deepEqual([...new Set(nights)], [1, 2, 3, 4]);
  });
});
