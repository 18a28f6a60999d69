import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { EchoArbiter } from '../../../device/hardware/trigger/echo-arbiter.js';
import { absent, type PresenceState, updatePresence } from '../../../device/hardware/trigger/presence.js';
import type { Trigger } from '../../../device/hardware/trigger/trigger.js';
import { type DistanceSensor, UltrasonicSensor } from '../../../device/hardware/trigger/ultrasonic-sensor.js';
import { UltrasonicTrigger } from '../../../device/hardware/trigger/ultrasonic-trigger.js';
import { done } from '../../../device/kit/errors.js';
import { newId } from '../../../device/kit/ids.js';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { triggerContract } from '../../contract/trigger-contract.js';
import { FakeSonar } from '../../support/hardware/fake-lines.js';

const RULES = { nearMm: 200, farMm: 260 };
const neverAborted = new AbortController().signal;

const setUp = () => {
  const clock = new SimulatedClock();
  const sonar = new FakeSonar(clock);
  const { trig, echo } = sonar;
  const echoArbiter = new EchoArbiter(clock);
  const sensor = new UltrasonicSensor({ trig, echo, temperatureC: 20, maxMm: 4_000, echoArbiter, clock });
  const faults: (string | null)[] = [];
  const source = new UltrasonicTrigger({ sensor, ...RULES, everyMs: 20, clock, newId });
  source.onHealth((fault) => faults.push(fault?.code ?? null));
  const awaitLevel = async (level: Promise<boolean>) => {
    level.catch(() => {});
    await clock.advance(700);
    return level;
  };
  const triggers: Trigger[] = [];
  const show = async (distanceMm: number | null, forMs = 400) => {
    sonar.distanceMm = distanceMm;
    await clock.advance(forMs);
  };
  return { clock, sonar, source, awaitLevel, triggers, show, faults };
};

triggerContract('ultrasonic', () => {
  const { clock, source, awaitLevel, show } = setUp();
  return {
    source,
    awaitLevel,
    passItem: async (stays) => {
      await show(120);
      if (!stays) await show(600);
    },
    nowMs: () => clock.monotonicMs(),
  };
});

describe('presence by distance', () => {
  it('triggers once when an item comes near, and again only after it was far', async () => {
    const { source, triggers, show } = setUp();
    source.start((trigger) => triggers.push(trigger));
    for (const mm of [600, 150, 230, 150, 230]) await show(mm);
    assert.equal(triggers.length, 1);
    await show(Infinity);
    await show(150);
    assert.deepEqual(
      triggers.map((trigger) => trigger.source),
      ['ultrasonic', 'ultrasonic'],
    );
    await source.close();
  });

  it('does not change by a single stray measurement', () => {
    const measurements = fc.array(fc.constantFrom(120, 600, Infinity, null), { maxLength: 60 });
    fc.assert(
      fc.property(measurements, (distances) => {
        let state = absent;
        for (const [index, mm] of distances.entries()) {
          const wasPresent = state.isPresent;
          state = updatePresence(state, mm, RULES);
          const recent = distances.slice(Math.max(0, index - 2), index + 1);
          const near = recent.filter((distanceMm) => distanceMm === 120).length;
          const far = recent.filter((distanceMm) => distanceMm !== null && distanceMm > 260).length;
          assert.equal(state.isPresent, wasPresent ? far < 2 : near >= 2);
        }
      }),
    );
  });

  it('does not change by a distance between near and far', () => {
    const between = fc.array(fc.double({ min: RULES.nearMm, max: RULES.farMm, noNaN: true }), {
      maxLength: 30,
    });
    fc.assert(
      fc.property(fc.boolean(), between, (isPresent, distances) => {
        let state: PresenceState = { isPresent, recentMm: [] };
        for (const mm of distances) state = updatePresence(state, mm, RULES);
        assert.equal(state.isPresent, isPresent);
      }),
    );
  });

  it('measures again for a level', async () => {
    const { source, sonar, awaitLevel, show } = setUp();
    source.start(() => {});
    await show(150);
    sonar.distanceMm = 600;
    assert.equal(await awaitLevel(source.level(neverAborted)), false);
    sonar.distanceMm = 150;
    assert.equal(await awaitLevel(source.level(neverAborted)), true);
    await source.close();
  });

  it('rejects a level if the sensor fails, and reports the fault once and the recovery once', async () => {
    const { source, awaitLevel, show, faults } = setUp();
    source.start(() => {});
    await show(null, 2_000);
    await assert.rejects(awaitLevel(source.level(neverAborted)), {
      name: 'TriggerError',
      code: 'ultrasonic-silent',
    });
    assert.deepEqual(faults, ['ultrasonic-silent']);
    await show(600);
    assert.deepEqual(faults, ['ultrasonic-silent', null]);
    await source.close();
  });

  it('keeps the first fault until the next success, even if the sensor then fails in another way', async () => {
    const { source, sonar, show, faults } = setUp();
    source.start(() => {});
    await show(null, 2_000);
    sonar.trig.fault = 'line-gone';
    await show(null, 2_000);
    sonar.trig.fault = null;
    await show(600);
    assert.deepEqual(faults, ['ultrasonic-silent', null]);
    await source.close();
  });

  it('reports an unexpected error of the sensor as a fault, and continues to measure', async () => {
    const clock = new SimulatedClock();
    let isBroken = false;
    const sensor: DistanceSensor = {
      measure: async () => {
        if (isBroken) throw new TypeError('not a sensor');
        return done(600);
      },
    };
    const source = new UltrasonicTrigger({ sensor, ...RULES, everyMs: 20, clock, newId });
    const messages: (string | null)[] = [];
    source.onHealth((fault) => messages.push(fault && `${fault.code}: ${fault.message}`));
    source.start(() => {});
    isBroken = true;
    await clock.advance(100);
    isBroken = false;
    await clock.advance(100);
    assert.equal(messages.length, 2);
    assert.match(messages[0] ?? '', /^sensor-failed: sensor: .*\(not a sensor\)/);
    assert.equal(messages[1], null);
    await source.close();
    assert.equal(clock.waiting, 0);
  });

  it('leaves no timer, listener or pulse after it is closed', async () => {
    const { clock, source, sonar, show } = setUp();
    source.start(() => {});
    await show(150, 403);
    await source.close();
    await clock.advance(100);
    assert.deepEqual([clock.waiting, sonar.trig.on, sonar.echo.listeners], [0, false, 0]);
  });
});
