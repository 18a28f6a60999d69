import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { BinEvent } from '../../device/cycle/event.js';
import { HealthHub, PictureHealth } from '../../device/daemon/health-hub.js';
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
  const messages = () => status.snapshot().faults.map(({ message }) => message);
  return { hub, announced, shown, messages };
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

  it("shows a part's own fault with its newest text, even if the cycle reported one before", () => {
    const { hub, announced, shown, messages } = setup();
    const camera = new HealthReporter();
    hub.connect('camera', camera);
    hub.report('camera', fault('camera-timeout'), 'cycle');
    camera.set(fault('camera-frozen'));
    assert.deepEqual(shown(), ['camera:camera-frozen']);
    camera.set({ code: 'camera-frozen', message: 'another reason' });
    assert.deepEqual(messages(), ['another reason']);
    camera.set(null);
    assert.deepEqual(shown(), ['camera:camera-timeout']);
    assert.deepEqual(announced, ['camera:camera-timeout', 'camera:camera-frozen', 'camera:camera-timeout']);
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

describe('the health of images', () => {
  const model = { name: 'test', version: '1.0.0' };
  const eventOf = (event: Pick<BinEvent, 'fault' | 'model'>) => event as BinEvent;
  const withPictures = () => {
    const hub = setup();
    const pictures = new PictureHealth((fault) => hub.hub.report('camera', fault, 'picture'));
    return { ...hub, pictures };
  };

  it('is a fault of the camera from an unusable image until another image is classified', () => {
    const { hub, pictures, announced, shown } = withPictures();
    hub.report('camera', fault('picture-dark'), 'cycle');
    pictures.event(eventOf({ fault: fault('picture-dark'), model: null }));
    // The cycle reports the next frame before it is classified.
    hub.report('camera', null, 'cycle');
    assert.deepEqual(shown(), ['camera:picture-dark']);
    pictures.event(eventOf({ fault: null, model }));
    assert.deepEqual(shown(), []);
    assert.deepEqual(announced, ['camera:picture-dark', 'camera:ok']);
  });

  it('changes with another fault of the image', () => {
    const { pictures, shown } = withPictures();
    pictures.event(eventOf({ fault: fault('picture-dark'), model: null }));
    pictures.event(eventOf({ fault: fault('picture-overexposed'), model: null }));
    assert.deepEqual(shown(), ['camera:picture-overexposed']);
  });

  it('is not affected by events without an image, and recovers also if the gate failed', () => {
    const { pictures, shown } = withPictures();
    pictures.event(eventOf({ fault: fault('picture-blank'), model: null }));
    pictures.event(eventOf({ fault: fault('camera-timeout'), model: null }));
    pictures.event(eventOf({ fault: null, model: null }));
    assert.deepEqual(shown(), ['camera:picture-blank']);
    pictures.event(eventOf({ fault: fault('gate-jammed'), model }));
    assert.deepEqual(shown(), []);
  });
});
