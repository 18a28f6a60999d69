import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { interleaveByLabel, listImages } from '../../../device/hardware/camera/image-files.js';
import { type CameraStep, SimulatedCamera } from '../../../device/hardware/camera/simulated-camera.js';
import { newId } from '../../../device/kit/ids.js';
import { packageRoot } from '../../../device/kit/root.js';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { cameraContract } from '../../contract/camera-contract.js';
import { makeSceneJpegs, type Scene } from '../../support/hardware/scenes.js';

const folder = join(packageRoot(), 'test/samples');
const PAPER = 'paper/paper18.jpg';

const cameraWith = (script: readonly CameraStep[], clock = new SimulatedClock()) => ({
  clock,
  camera: new SimulatedCamera({ folder, script, delayMs: 20, clock, newId }),
});

const capture = async (script: readonly CameraStep[]) => {
  const { camera, clock } = cameraWith(script);
  const frame = camera.frameAfter(clock.monotonicMs(), new AbortController().signal);
  await clock.advance(100);
  return frame;
};

const sceneJpeg = await makeSceneJpegs();

cameraContract('simulated', async () => {
  const clock = new SimulatedClock();
  const script: CameraStep[] = [{ picture: 'normal' }];
  let shown: Scene = 'normal';
  let captures = 0;
  const camera = new SimulatedCamera({
    folder: '/',
    script,
    delayMs: 20,
    clock,
    newId,
    read: async () => sceneJpeg(shown, captures++),
  });
  const set = (now: CameraStep) => {
    script[0] = now;
  };
  const show = () => set({ picture: 'normal' });
  return {
    camera,
    show: async (scene) => {
      shown = scene;
      set(scene === 'still' ? { fault: 'camera-frozen' } : { picture: scene });
    },
    stall: () => set({ fault: 'camera-frozen' }),
    resume: show,
    hang: () => set({ hang: true }),
    unplug: () => set({ fault: 'camera-missing' }),
    plugIn: show,
    nowMs: () => clock.monotonicMs(),
    pass: (ms) => clock.advance(ms),
  };
});

describe('a simulated camera with a script', () => {
  it('returns the images in turn, with their names', async () => {
    const { camera, clock } = cameraWith([{ picture: PAPER }, { picture: 'trash/trash73.jpg' }]);
    const names: (string | undefined)[] = [];
    for (let count = 0; count < 3; count++) {
      const frame = camera.frameAfter(clock.monotonicMs(), new AbortController().signal);
      await clock.advance(100);
      const answer = await frame;
      names.push(answer.ok ? answer.value.name : answer.fault.code);
    }
    assert.deepEqual(names, [PAPER, 'trash/trash73.jpg', PAPER]);
  });

  it('simulates missing, failed, stale and garbage frames', async () => {
    for (const fault of ['camera-no-frame', 'camera-failed'] as const) {
      const answer = await capture([{ fault }]);
      assert.equal(!answer.ok && answer.fault.code, fault);
    }
    const stale = await capture([{ stale: true }, { picture: PAPER }]);
    assert.ok(stale.ok && stale.value.capturedAtMs < 1_000);
    const garbage = await capture([{ garbage: true }]);
    assert.ok(garbage.ok && garbage.value.bytes[0] !== 0xff);
  });

  it('names the file that it could not read', async () => {
    const answer = await capture([{ picture: 'paper/none.jpg' }]);
    assert.ok(!answer.ok);
    assert.match(answer.fault.message, /paper\/none\.jpg.*ENOENT/);
  });
});

describe('a folder of images', () => {
  it('is listed by relative paths, and interleaved by label', async () => {
    const images = await listImages(folder);
    assert.equal(images.length, 47);
    assert.ok(images.includes(PAPER));
    const labels = interleaveByLabel(images).map((image) => image.split('/')[0]);
    assert.deepEqual([...interleaveByLabel(images)].sort(), images);
    assert.equal(new Set(labels.slice(0, 8)).size, 8);
  });
});
