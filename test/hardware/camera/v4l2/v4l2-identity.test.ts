import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { frameOf, makeV4l2Bench } from '../../../support/hardware/v4l2-bench.js';
import { until } from '../../../support/until.js';

const never = new AbortController().signal;

describe('the driver v4l2 after a reconnection', () => {
  it('opens the link of the camera that it found at the first start', async (test) => {
    const { camera, fake, nowMs } = await makeV4l2Bench(test);
    const link = await fake.link('usb-Fake_Webcam_1234-video-index0');
    await camera.start(never);
    fake.exit();
    await until('a restart', () => fake.starts.length > 1);
    await frameOf(camera.frameAfter(nowMs(), never));
    const devices = fake.starts.map((args) => args.at(-3));
    assert.deepEqual(devices, [fake.device, link]);
  });

  it('opens an index at the first start, then the link of that camera', async (test) => {
    const { camera, fake, nowMs } = await makeV4l2Bench(test, { device: '0' });
    const link = await fake.link('usb-Fake_Webcam_1234-video-index0');
    await camera.start(never);
    fake.exit();
    await until('a restart', () => fake.starts.length > 1);
    await frameOf(camera.frameAfter(nowMs(), never));
    assert.deepEqual(
      fake.starts.map((args) => args.at(-3)),
      ['0', link],
    );
  });

  it('keeps a link of the configuration, even if it leads to another camera', async (test) => {
    const { camera, fake, nowMs } = await makeV4l2Bench(test, async (fake) => ({
      device: await fake.link('configured'),
    }));
    await fake.link('another-name');
    await camera.start(never);
    fake.card = 'Another Webcam';
    fake.exit();
    await until('a restart', () => fake.starts.length > 1);
    await frameOf(camera.frameAfter(nowMs(), never));
    const link = '/dev/v4l/by-id/configured';
    assert.deepEqual(
      fake.starts.map((args) => args.at(-3)),
      [link, link],
    );
  });

  it('refuses another camera at the same path, and accepts the first one again', async (test) => {
    const { camera, fake, nowMs, health } = await makeV4l2Bench(test);
    await camera.start(never);
    const { card } = fake;
    fake.card = 'Another Webcam';
    fake.exit();
    await until('the fault', () => health.includes('camera-missing'));
    const answer = await camera.frameAfter(nowMs(), never);
    assert.ok(!answer.ok);
    assert.equal(
      answer.fault.message,
      `${fake.device} is another camera now: Another Webcam (${fake.bus}). Connect Fake Webcam (${fake.bus}) again, or restart sortbin to use this camera.`,
    );
    fake.card = card;
    await frameOf(camera.frameAfter(nowMs(), never));
    assert.equal(health.at(-1), null);
  });
});
