import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HealthHub } from '../../device/daemon/health-hub.js';
import { HealthReporter } from '../../device/kit/health.js';
import { SimulatedClock } from '../../device/kit/simulated-clock.js';
import { Status } from '../../device/status/status.js';

const setup = () => {
  const announced: string[] = [];
  const status = new Status(new SimulatedClock(), () => {});
  const health = (part: string, fault: { code: string } | null) =>
    announced.push(`${part}:${fault?.code ?? 'ok'}`);
  const hub = new HealthHub(status, { health });
  const shown = () => status.snapshot().faults.map(({ part, code }) => `${part}:${code}`);
  return { hub, announced, shown };
};
const fault = (code: string) => ({ code, message: code });

describe('the health hub', () => {
  it('keeps the fault of a part until each of its sources has recovered', () => {
    const { hub, announced, shown } = setup();
    const sensor = new HealthReporter();
    hub.connect('sensor', sensor);
    sensor.set(fault('ultrasonic-silent'));
    hub.report('sensor', fault('sensor-timeout'), 'cycle');
    hub.report('sensor', null, 'cycle');
    assert.deepEqual(shown(), ['sensor:ultrasonic-silent']);
    hub.report('sensor', fault('sensor-timeout'), 'cycle');
    sensor.set(null);
    assert.deepEqual(shown(), ['sensor:sensor-timeout']);
    hub.report('sensor', null, 'cycle');
    assert.deepEqual(shown(), []);
    assert.deepEqual(announced, ['sensor:ultrasonic-silent', 'sensor:sensor-timeout', 'sensor:ok']);
  });

  it('shows a fault that was raised before it was connected, and announces each fault once', () => {
    const { hub, announced, shown } = setup();
    const camera = new HealthReporter();
    camera.set(fault('camera-failed'));
    hub.connect('camera', camera);
    hub.connect('lines', null);
    hub.report('camera', fault('camera-failed'), 'cycle');
    assert.deepEqual(shown(), ['camera:camera-failed']);
    assert.deepEqual(announced, ['camera:camera-failed']);
  });
});
