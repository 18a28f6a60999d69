import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { EchoArbiter } from '../../../device/hardware/trigger/echo-arbiter.js';
import { absent, type PresenceState, updatePresence } from '../../../device/hardware/trigger/presence.js';
import type { Trigger } from '../../../device/hardware/trigger/trigger.js';
import { UltrasonicSensor } from '../../../device/hardware/trigger/ultrasonic-sensor.js';
import { UltrasonicTrigger } from '../../../device/hardware/trigger/ultrasonic-trigger.js';
import { newId } from '../../../device/kit/ids.js';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { triggerContract } from '../../contract/trigger-contract.js';
import { FakeEcho } from '../../support/fake-lines.js';

const RULES = { nearMm: 200, farMm: 260 };
const never = new AbortController().signal;

const made = () => {
  const clock = new SimulatedClock();
  const world = new FakeEcho(clock);
  const { trig, echo } = world;
  const turns = new EchoArbiter(clock);
  const sensor = new UltrasonicSensor({ trig, echo, temperatureC: 20, maxMm: 4_000, echoArbiter: turns, clock });
  const faults: (string | null)[] = [];
  const onFault = (fault: { code: string } | null) => faults.push(fault?.code ?? null);
  const source = new UltrasonicTrigger({ sensor, ...RULES, everyMs: 20, clock, newId, onFault });
  const look = async (level: Promise<boolean>) => {
    level.catch(() => {});
    await clock.advance(700);
    return level;
  };
  const heard: Trigger[] = [];
  const show = async (distanceMm: number | null, forMs = 400) => {
    world.distanceMm = distanceMm;
    await clock.advance(forMs);
  };
  return { clock, world, source, look, heard, show, faults };
};

triggerContract('ultrasonic', () => {
  const { clock, source, look, show } = made();
  return {
    source,
    read: look,
    passItem: async (stays) => {
      await show(120);
      if (!stays) await show(600);
    },
    nowMs: () => clock.monotonicMs(),
  };
});

describe('presence by distance', () => {
  it('triggers once for what comes near, and again only after it was far', async () => {
    const { source, heard, show } = made();
    source.start((trigger) => heard.push(trigger));
    for (const mm of [600, 150, 230, 150, 230]) await show(mm);
    assert.equal(heard.length, 1);
    await show(Infinity);
    await show(150);
    assert.deepEqual(
      heard.map((trigger) => trigger.source),
      ['ultrasonic', 'ultrasonic'],
    );
    await source.close();
  });

  it('does not trigger by a single stray measure', () => {
    const measures = fc.array(fc.constantFrom(120, 600, Infinity, null), { maxLength: 60 });
    fc.assert(
      fc.property(measures, (distances) => {
        let state = absent;
        for (const [index, mm] of distances.entries()) {
          const before = state.isPresent;
          state = updatePresence(state, mm, RULES);
          const recent = distances.slice(Math.max(0, index - 2), index + 1);
          const near = recent.filter((one) => one === 120).length;
          const far = recent.filter((one) => one !== null && one > 260).length;
          assert.equal(state.isPresent, before ? far < 2 : near >= 2);
        }
      }),
    );
  });

  it('lets what lies between near and far change nothing', () => {
    const between = fc.array(fc.double({ min: RULES.nearMm, max: RULES.farMm, noNaN: true }), {
      maxLength: 30,
    });
    fc.assert(
      fc.property(fc.boolean(), between, (there, distances) => {
        let state: PresenceState = { isPresent: there, recentMm: [] };
        for (const mm of distances) state = updatePresence(state, mm, RULES);
        assert.equal(state.isPresent, there);
      }),
    );
  });

  it('reads its level afresh', async () => {
    const { source, world, look, show } = made();
    source.start(() => {});
    await show(150);
    world.distanceMm = 600;
    assert.equal(await look(source.level(never)), false);
    world.distanceMm = 150;
    assert.equal(await look(source.level(never)), true);
    await source.close();
  });

  it('rejects a level that its sensor cannot tell, and tells of a fault once, when it came and when it went', async () => {
    const { source, look, show, faults } = made();
    source.start(() => {});
    await show(null, 2_000);
    await assert.rejects(look(source.level(never)), { name: 'TriggerError', code: 'ultrasonic-silent' });
    assert.deepEqual(faults, ['ultrasonic-silent']);
    await show(600);
    assert.deepEqual(faults, ['ultrasonic-silent', null]);
    await source.close();
  });

  it('leaves nothing behind', async () => {
    const { clock, source, world, show } = made();
    source.start(() => {});
    await show(150, 403);
    await source.close();
    await clock.advance(100);
    assert.deepEqual([clock.waiting, world.trig.on, world.echo.listeners], [0, false, 0]);
  });
});
