import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { UltrasonicFill } from '../../../device/hardware/fill/ultrasonic-fill.js';
import { CompositeTrigger } from '../../../device/hardware/trigger/composite-trigger.js';
import { EchoArbiter } from '../../../device/hardware/trigger/echo-arbiter.js';
import type { DistanceSensor } from '../../../device/hardware/trigger/ultrasonic-sensor.js';
import { ECHO_MS, ultrasonicLevelOf } from '../../../device/hardware/trigger/ultrasonic-timing.js';
import { UltrasonicTrigger } from '../../../device/hardware/trigger/ultrasonic-trigger.js';
import { sleep } from '../../../device/kit/deadline.js';
import { failed } from '../../../device/kit/errors.js';
import { newId } from '../../../device/kit/ids.js';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';

const never = new AbortController().signal;

const sensorsOf = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`s${index}`, { driver: 'ultrasonic' }]));

/** Returns the longest measured time of a level, of sensors that detect nothing, with requests at many moments. */
const measureLongestMs = async (triggers: number, fillSensors: number): Promise<number> => {
  const clock = new SimulatedClock();
  const arbiter = new EchoArbiter(clock);
  const sensor: DistanceSensor = {
    measure: (signal) =>
      arbiter.run(signal, async () => {
        await sleep(clock, ECHO_MS, signal);
        return failed('ultrasonic-out-of-range', 'nothing');
      }),
  };
  const rules = { emptyMm: 500, fullMm: 80, fullPercent: 90, clearPercent: 75, smoothing: 1 };
  const fill = new UltrasonicFill({
    sensors: Array.from({ length: fillSensors }, (_, index) => ({
      compartment: `c${index}`,
      sensor,
      ...rules,
    })),
    everyMs: 1_000,
    clock,
  });
  const source = new CompositeTrigger(
    new Map(
      Object.keys(sensorsOf(triggers)).map((name) => [
        name,
        new UltrasonicTrigger({ sensor, nearMm: 200, farMm: 250, everyMs: 60, clock, newId }),
      ]),
    ),
  );
  fill.start();
  source.start(() => {});
  let longestMs = 0;
  for (let delayMs = 0; delayMs < 300; delayMs += 7) {
    await clock.advance(delayMs);
    const startMs = clock.monotonicMs();
    let isDone = false;
    const level = source.level(never).finally(() => {
      isDone = true;
    });
    while (!isDone) await clock.advance(1);
    assert.equal(await level, false);
    longestMs = Math.max(longestMs, clock.monotonicMs() - startMs);
  }
  await Promise.all([source.close(), fill.close(), clock.advance(10_000)]);
  return longestMs;
};

describe('the time of a level with ultrasonic sensors', () => {
  for (const [triggers, fillSensors] of [
    [1, 0],
    [1, 3],
    [2, 2],
    [3, 0],
    [3, 4],
  ] as const)
    it(`is at most the stated time for ${triggers} triggers and ${fillSensors} fill sensors`, async () => {
      const { longestMs, deadlineMs } = ultrasonicLevelOf(
        { driver: 'several', sensors: sensorsOf(triggers) },
        { driver: 'ultrasonic', sensors: sensorsOf(fillSensors) },
      );
      const measuredMs = await measureLongestMs(triggers, fillSensors);
      assert.ok(measuredMs <= longestMs, `${measuredMs} ms, at most ${longestMs} ms`);
      assert.ok(measuredMs > longestMs / 2, `${measuredMs} ms, at most ${longestMs} ms`);
      assert.ok(deadlineMs >= Math.max(1_000, 2 * longestMs));
    });
});
