import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Camera, Frame } from '../../../../device/hardware/camera/camera.js';
import { makeRpicamBench, RPICAM_SETTINGS } from '../../../support/hardware/rpicam-bench.js';
import { makeSceneJpegs, VARIANTS } from '../../../support/hardware/scenes.js';
import { withoutSegments } from '../../../support/jpeg.js';

const never = new AbortController().signal;
const sceneJpeg = await makeSceneJpegs();
const images = Array.from({ length: VARIANTS }, (_, variant) => sceneJpeg('normal', variant));

const frameAfter = async (camera: Camera, atMs: number): Promise<Frame> => {
  const answer = await camera.frameAfter(atMs, never);
  assert.ok(answer.ok, answer.ok ? '' : answer.fault.message);
  return answer.value;
};
const COMMENT = 0xfe;
const isWhole = ({ bytes }: Frame) => images.some((image) => image.equals(withoutSegments(bytes, COMMENT)));

describe('the frames of a camera of a Raspberry Pi', () => {
  it('have the time at which their exposure began', async (test) => {
    const { camera, clock } = makeRpicamBench(test, {}, { latencyMs: 100 });
    assert.equal((await camera.start(never)).clock, 'exposure');
    const { capturedAtMs, capturedAtWallMs } = await frameAfter(camera, 0);
    // The fake exposes for 8 ms and writes the image 12 ms later. The camera is configured to subtract 100 ms.
    const ageMs = clock.monotonicMs() - capturedAtMs;
    assert.ok(ageMs >= 120, `${ageMs} ms`);
    assert.ok(Math.abs(clock.wallMs() - capturedAtWallMs - ageMs) < 50);
  });

  for (const [behaviour, script] of Object.entries({
    'records that arrive late': { recordDelayMs: 15 },
    'records that are missing': { recordMissingEvery: 3 },
    'images that are cut short': { damagedEvery: 3 },
    'bytes between the images': { garbage: true },
    'images in small writes': { writeBytes: 100 },
    'old images after the start': { oldFrames: 12 },
  }))
    it(`are whole, new and in order with ${behaviour}`, async (test) => {
      const { camera, clock } = makeRpicamBench(test, script);
      await camera.start(never);
      let lastMs = 0;
      for (let count = 0; count < 8; count++) {
        const requestedMs = clock.monotonicMs();
        const frame = await frameAfter(camera, requestedMs);
        assert.ok(isWhole(frame));
        assert.ok(frame.capturedAtMs > requestedMs && frame.capturedAtMs > lastMs);
        assert.ok(frame.capturedAtMs < clock.monotonicMs());
        lastMs = frame.capturedAtMs;
      }
    });

  it('are kept without a request: the newest two', async (test) => {
    const { camera, clock } = makeRpicamBench(test);
    await camera.start(never);
    const first = await frameAfter(camera, 0);
    await frameAfter(camera, clock.monotonicMs() + 200);
    const kept = await frameAfter(camera, 0);
    const newest = await camera.latest(never);
    assert.ok(kept.capturedAtMs > first.capturedAtMs + 100);
    assert.ok(newest.ok && newest.value.capturedAtMs > kept.capturedAtMs);
  });

  for (const [code, images, fix, script, dropFrames] of [
    [
      'camera-unsupported',
      'images without a SensorTimestamp',
      'Update the program: sudo apt install rpicam-apps.',
      { recordMissingEvery: 1 },
      2,
    ],
    [
      'camera-unsupported',
      'images with a SensorTimestamp in the future',
      'Update the system: sudo apt full-upgrade.',
      { timeOffsetMs: 3_600_000 },
      2,
    ],
    [
      'camera-unsupported',
      'images with the same SensorTimestamp',
      'Update the system: sudo apt full-upgrade.',
      { repeatsTime: true },
      2,
    ],
    [
      'camera-no-frame',
      'the first 1000 images are dropped',
      'Raise camera.startMs, or lower camera.dropFrames.',
      {},
      1_000,
    ],
  ] as const)
    it(`are refused if the program sends only ${images}: the start names the fix`, async (test) => {
      const { camera } = makeRpicamBench(test, script, { startMs: 4_000, dropFrames });
      await assert.rejects(camera.start(never), {
        code,
        message: `rpicam-vid was not ready within 4000 ms (message: ${images}). ${fix}`,
      });
    });
});

describe('the options of rpicam-vid', () => {
  const BASE =
    '--nopreview --timeout 0 --camera 0 --codec mjpeg --quality 90 --width 640 --height 480 --framerate 50 --flush --output - --metadata - --metadata-format txt';

  it('are the stream and its records, and the camera decides the rest', async (test) => {
    const { camera, fake } = makeRpicamBench(test);
    const info = await camera.start(never);
    assert.deepEqual(info, {
      ...{ driver: 'rpicam', model: 'imx708', size: { width: 640, height: 480 }, format: 'jpeg' },
      ...{ framesPerSecond: 50, clock: 'exposure', latencyMs: 0 },
    });
    assert.deepEqual(
      fake.starts.map((options) => options.join(' ')),
      [BASE],
    );
  });

  it('contain the settings of the configuration', async (test) => {
    const { camera, fake } = makeRpicamBench(
      test,
      {},
      {
        settings: {
          ...RPICAM_SETTINGS,
          ...{
            rotation: 180,
            crop: { x: 0.25, y: 0, width: 0.5, height: 1 },
            tuningFile: '/etc/imx708.json',
          },
          ...{ exposure: { shutterUs: 5_000, gain: 2 }, whiteBalance: { red: 2, blue: 1.5 } },
          focus: { dioptres: 4 },
        },
        lockAfterMs: 100,
      },
    );
    await camera.start(never);
    const expected = `${BASE} --rotation 180 --roi 0.25,0,0.5,1 --shutter 5000 --gain 2 --awbgains 2,1.5 --autofocus-mode manual --lens-position 4 --tuning-file /etc/imx708.json`;
    assert.equal(fake.starts.at(-1)?.join(' '), expected);
  });

  it('are reported with the values of the newest image', async (test) => {
    const settings = { ...RPICAM_SETTINGS, exposure: { shutterUs: 5_000, gain: 2 } };
    const { camera } = makeRpicamBench(test, {}, { settings });
    await camera.start(never);
    assert.deepEqual(await camera.settings(never), {
      ok: true,
      value: {
        ...{ kind: 'libcamera', exposure: { shutterUs: 5_000, gain: 2 } },
        ...{ whiteBalance: { red: 1.9, blue: 1.5 }, focus: { dioptres: 4.5 } },
      },
    });
  });

  it('lock the values that the camera has chosen, also after a restart', async (test) => {
    const settings = { ...RPICAM_SETTINGS, focus: { dioptres: 3 } };
    const { camera, fake } = makeRpicamBench(test, {}, { lockAfterMs: 200, settings });
    await camera.start(never);
    const [first = [], second = []] = fake.starts;
    assert.equal(first.join(' '), `${BASE} --autofocus-mode manual --lens-position 3`);
    const locked = `${BASE} --shutter 8000 --gain 2.5 --awbgains 1.9,1.5 --autofocus-mode manual --lens-position 3`;
    assert.equal(second.join(' '), locked);
    fake.change({ scene: 'still' });
    for (let count = 0; fake.starts.length < 3 && count < 10; count++) await camera.frameAfter(0, never);
    fake.change({ scene: 'normal' });
    await frameAfter(camera, 0);
    assert.deepEqual([...new Set(fake.starts.slice(1).map((options) => options.join(' ')))], [locked]);
  });
});
