import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, it } from 'node:test';
import { EchoArbiter } from '../../../device/hardware/trigger/echo-arbiter.js';
import { UltrasonicSensor } from '../../../device/hardware/trigger/ultrasonic-sensor.js';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { FakeEcho } from '../../support/fake-lines.js';

const never = new AbortController().signal;

const made = (given: { temperatureC?: number; longestMs?: number } = {}) => {
  const clock = new SimulatedClock();
  const turns = new EchoArbiter(clock);
  const world = new FakeEcho(clock, 'sonar', 343.2, given.longestMs);
  const { trig, echo } = world;
  const temperatureC = given.temperatureC ?? 20;
  const sensor = new UltrasonicSensor({ trig, echo, temperatureC, maxMm: 4_000, echoArbiter: turns, clock });
  const measure = async () => {
    const answer = sensor.measure(never);
    await clock.advance(200);
    return answer;
  };
  const distance = async () => {
    const answer = await measure();
    assert.ok(answer.ok, answer.ok ? '' : answer.fault.message);
    return answer.value;
  };
  const fault = async () => {
    const answer = await measure();
    return answer.ok ? 'none' : answer.fault.code;
  };
  return { clock, turns, world, sensor, distance, fault };
};

describe('an ultrasonic sensor', () => {
  it('measures from the time that the sound was under way', async () => {
    const { world, distance } = made();
    for (const mm of [20, 123, 1_000, 3_900]) {
      world.distanceMm = mm;
      assert.ok(Math.abs((await distance()) - mm) < 0.5);
    }
  });

  it('knows that sound is slower in the cold', async () => {
    const [warm, cold] = [made({ temperatureC: 20 }), made({ temperatureC: -10 })];
    warm.world.distanceMm = cold.world.distanceMm = 1_000;
    const share = (await cold.distance()) / (await warm.distance());
    assert.ok(Math.abs(share - Math.sqrt(263.15 / 293.15)) < 1e-6);
  });

  it('pulses 20 microseconds, and leaves neither a listener nor a timer behind', async () => {
    const { clock, world, distance } = made();
    world.distanceMm = 100;
    await distance();
    const [on, off] = world.trig.history;
    assert.ok(on && off && Math.abs(off[0] - on[0] - 0.02) < 1e-9);
    assert.deepEqual([world.trig.on, world.echo.listeners, clock.waiting], [false, 0, 0]);
  });

  it('leaves nothing on a signal that lives as long as the daemon', async () => {
    const { clock, world, sensor } = made();
    const { signal } = new AbortController();
    world.distanceMm = 100;
    for (let measure = 0; measure < 20; measure++) {
      const measuring = sensor.measure(signal);
      await clock.advance(100);
      assert.ok((await measuring).ok);
    }
    assert.equal(getEventListeners(signal, 'abort').length, 0);
  });

  it('tells what it cannot see from a sensor that does not answer', async () => {
    const { world, fault } = made();
    world.distanceMm = Infinity;
    assert.equal(await fault(), 'ultrasonic-out-of-range');
    world.distanceMm = null;
    assert.equal(await fault(), 'ultrasonic-silent');
  });

  it('gives up an echo that lasts longer than 60 ms, and does not take its end for that of the next', async () => {
    const { clock, world, sensor, distance } = made({ longestMs: 190 });
    const first = sensor.measure(never);
    await clock.advance(61);
    const answer = await first;
    assert.equal(!answer.ok && answer.fault.code, 'ultrasonic-out-of-range');
    world.distanceMm = 500;
    await clock.advance(129);
    assert.ok(Math.abs((await distance()) - 500) < 0.5);
  });

  it('does not make up a distance where edges were lost', async () => {
    const { world, fault } = made();
    world.distanceMm = 100;
    world.missed = 2;
    assert.equal(await fault(), 'ultrasonic-edges-lost');
  });

  it('answers with the fault of its line', async () => {
    const { world, fault } = made();
    world.trig.fault = 'line-gone';
    assert.equal(await fault(), 'line-gone');
    world.trig.fault = null;
    world.trig.onTurnedOn = () => world.trig.turnOffBy('guard');
    assert.equal(await fault(), 'line-refused');
  });

  it('ignores an edge that is older than its pulse but was told late', async () => {
    const { clock, world, sensor } = made();
    world.distanceMm = 200;
    const measuring = sensor.measure(never);
    await clock.advance(0);
    world.echo.set(true, 0, 1n);
    world.echo.set(false, 0, 2_000n);
    await clock.advance(100);
    const answer = await measuring;
    assert.ok(answer.ok && Math.abs(answer.value - 200) < 0.5);
  });

  it('ends its pulse and its turn when it is aborted, waiting or measuring', async () => {
    const { clock, world, sensor, distance } = made();
    const abort = new AbortController();
    const measuring = sensor.measure(abort.signal);
    const waiting = sensor.measure(abort.signal);
    await clock.advance(0);
    abort.abort(new Error('closed'));
    await assert.rejects(measuring, /closed/);
    await assert.rejects(waiting, /closed/);
    assert.deepEqual([world.trig.on, world.measures], [false, 1]);
    world.distanceMm = 300;
    await clock.advance(100);
    assert.ok(Math.abs((await distance()) - 300) < 0.5);
  });
});

it('sensors that share their turns never measure at the same time, nor within 60 ms', async () => {
  const clock = new SimulatedClock();
  const turns = new EchoArbiter(clock);
  const sensors = ['a', 'b', 'c'].map((name) => {
    const world = new FakeEcho(clock, name);
    const { trig, echo } = world;
    return { world, sensor: new UltrasonicSensor({ trig, echo, temperatureC: 20, maxMm: 4_000, echoArbiter: turns, clock }) };
  });
  const answers = [...sensors, ...sensors].map(({ sensor }) => sensor.measure(never));
  await clock.advance(1_000);
  await Promise.all(answers);
  const pulses = sensors
    .flatMap(({ world }) => world.trig.history.filter(([, on]) => on))
    .map(([atMs]) => atMs);
  pulses.sort((a, b) => a - b);
  assert.equal(pulses.length, 6);
  for (const [index, atMs] of pulses.entries())
    if (index > 0) assert.ok(atMs - (pulses[index - 1] ?? 0) >= 60);
});
