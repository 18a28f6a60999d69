import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, it } from 'node:test';
import { EchoArbiter } from '../../../device/hardware/trigger/echo-arbiter.js';
import { UltrasonicSensor } from '../../../device/hardware/trigger/ultrasonic-sensor.js';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { FakeSonar } from '../../support/hardware/fake-lines.js';

const neverAborted = new AbortController().signal;

const setUp = (options: { temperatureC?: number; longestMs?: number } = {}) => {
  const clock = new SimulatedClock();
  const echoArbiter = new EchoArbiter(clock);
  const sonar = new FakeSonar(clock, 'sonar', 343.2, options.longestMs);
  const { trig, echo } = sonar;
  const temperatureC = options.temperatureC ?? 20;
  const sensor = new UltrasonicSensor({ trig, echo, temperatureC, maxMm: 4_000, echoArbiter, clock });
  const measure = async () => {
    const answer = sensor.measure(neverAborted);
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
  return { clock, sonar, sensor, distance, fault };
};

describe('an ultrasonic sensor', () => {
  it('calculates the distance from the travel time of the sound', async () => {
    const { sonar, distance } = setUp();
    for (const mm of [20, 123, 1_000, 3_900]) {
      sonar.distanceMm = mm;
      assert.ok(Math.abs((await distance()) - mm) < 0.5);
    }
  });

  it('accounts for the slower sound in cold air', async () => {
    const [warm, cold] = [setUp({ temperatureC: 20 }), setUp({ temperatureC: -10 })];
    warm.sonar.distanceMm = cold.sonar.distanceMm = 1_000;
    const ratio = (await cold.distance()) / (await warm.distance());
    assert.ok(Math.abs(ratio - Math.sqrt(263.15 / 293.15)) < 1e-6);
  });

  it('pulses for 20 microseconds, and leaves no listener or timer', async () => {
    const { clock, sonar, distance } = setUp();
    sonar.distanceMm = 100;
    await distance();
    const [on, off] = sonar.trig.history;
    assert.ok(on && off && Math.abs(off[0] - on[0] - 0.02) < 1e-9);
    assert.deepEqual([sonar.trig.on, sonar.echo.listeners, clock.waiting], [false, 0, 0]);
  });

  it('leaves no listener on a long-lived signal', async () => {
    const { clock, sonar, sensor } = setUp();
    const { signal } = new AbortController();
    sonar.distanceMm = 100;
    for (let measure = 0; measure < 20; measure++) {
      const measuring = sensor.measure(signal);
      await clock.advance(100);
      assert.ok((await measuring).ok);
    }
    assert.equal(getEventListeners(signal, 'abort').length, 0);
  });

  it('distinguishes an object out of range from a sensor that does not answer', async () => {
    const { sonar, fault } = setUp();
    sonar.distanceMm = Infinity;
    assert.equal(await fault(), 'ultrasonic-out-of-range');
    sonar.distanceMm = null;
    assert.equal(await fault(), 'ultrasonic-silent');
  });

  it('ignores an echo longer than 60 ms, and does not use its end for the next measurement', async () => {
    const { clock, sonar, sensor, distance } = setUp({ longestMs: 190 });
    const first = sensor.measure(neverAborted);
    await clock.advance(61);
    const answer = await first;
    assert.equal(!answer.ok && answer.fault.code, 'ultrasonic-out-of-range');
    sonar.distanceMm = 500;
    await clock.advance(129);
    assert.ok(Math.abs((await distance()) - 500) < 0.5);
  });

  it('returns no distance if edges were lost', async () => {
    const { sonar, fault } = setUp();
    sonar.distanceMm = 100;
    sonar.missed = 2;
    assert.equal(await fault(), 'ultrasonic-edges-lost');
  });

  it('returns the fault of its line', async () => {
    const { sonar, fault } = setUp();
    sonar.trig.fault = 'line-gone';
    assert.equal(await fault(), 'line-gone');
    sonar.trig.fault = null;
    sonar.trig.onTurnedOn = () => sonar.trig.turnOffBy('guard');
    assert.equal(await fault(), 'line-refused');
  });

  it('ignores an edge that is older than its pulse and reported late', async () => {
    const { clock, sonar, sensor } = setUp();
    sonar.distanceMm = 200;
    const measuring = sensor.measure(neverAborted);
    await clock.advance(0);
    sonar.echo.set(true, 0, 1n);
    sonar.echo.set(false, 0, 2_000n);
    await clock.advance(100);
    const answer = await measuring;
    assert.ok(answer.ok && Math.abs(answer.value - 200) < 0.5);
  });

  it('ends its pulse and its turn if it is aborted while waiting or measuring', async () => {
    const { clock, sonar, sensor, distance } = setUp();
    const abort = new AbortController();
    const measuring = sensor.measure(abort.signal);
    const waiting = sensor.measure(abort.signal);
    await clock.advance(0);
    abort.abort(new Error('closed'));
    await assert.rejects(measuring, /closed/);
    await assert.rejects(waiting, /closed/);
    assert.deepEqual([sonar.trig.on, sonar.measurements], [false, 1]);
    sonar.distanceMm = 300;
    await clock.advance(100);
    assert.ok(Math.abs((await distance()) - 300) < 0.5);
  });
});

it('sensors with a shared echo arbiter start their measurements at least 60 ms apart', async () => {
  const clock = new SimulatedClock();
  const echoArbiter = new EchoArbiter(clock);
  const sensors = ['a', 'b', 'c'].map((name) => {
    const sonar = new FakeSonar(clock, name);
    const { trig, echo } = sonar;
    return {
      sonar,
      sensor: new UltrasonicSensor({ trig, echo, temperatureC: 20, maxMm: 4_000, echoArbiter, clock }),
    };
  });
  const answers = [...sensors, ...sensors].map(({ sensor }) => sensor.measure(neverAborted));
  await clock.advance(1_000);
  await Promise.all(answers);
  const pulses = sensors
    .flatMap(({ sonar }) => sonar.trig.history.filter(([, on]) => on))
    .map(([atMs]) => atMs);
  pulses.sort((a, b) => a - b);
  assert.equal(pulses.length, 6);
  for (const [index, atMs] of pulses.entries())
    if (index > 0) assert.ok(atMs - (pulses[index - 1] ?? 0) >= 60);
});
