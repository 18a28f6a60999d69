import type { TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import {
  makeRpicamCamera,
  type RpicamCameraOptions,
} from '../../../../device/hardware/camera/rpicam/rpicam-camera.js';
import { SystemClock } from '../../../../device/kit/clock.js';
import { newId } from '../../../../device/kit/ids.js';
import { type CameraBench, cameraContract } from '../../../contract/camera-contract.js';
import { quiet } from '../../../support/bin.js';
import { FakeRpicam, type RpicamScript } from '../../../support/hardware/fake-rpicam.js';

const clock = new SystemClock();

const setUp = (
  test: TestContext,
  script: Partial<RpicamScript> = {},
  changes: Partial<RpicamCameraOptions> = {},
) => {
  const fake = new FakeRpicam(script);
  const camera = makeRpicamCamera({
    program: fake.program,
    settings: {
      ...{ camera: 0, width: 640, height: 480, framesPerSecond: 50, quality: 90, rotation: 0, crop: null },
      ...{ exposure: 'auto', whiteBalance: 'auto', focus: 'auto', tuningFile: null },
    },
    ...{ lockAfterMs: null, startMs: 2_500, freezeMs: 700, dropFrames: 2, identicalFrames: 2, latencyMs: 0 },
    ...{ newId, clock, log: quiet },
    ...changes,
  });
  test.after(async () => {
    await camera.close();
    fake.remove();
  });
  return { fake, camera };
};

cameraContract('rpicam', async (test): Promise<CameraBench> => {
  const { fake, camera } = setUp(test);
  return {
    camera,
    show: async (scene) => fake.change({ scene }),
    stall: () => fake.change({ stall: 'silent' }),
    resume: () => fake.change({ stall: 'no', hangs: false }),
    hang: () => fake.change({ hangs: true }),
    unplug: () => fake.change({ stall: 'silent', error: 'no cameras available' }),
    plugIn: () => fake.change({ stall: 'no', error: '' }),
    nowMs: () => clock.monotonicMs(),
    pass: async (ms) => {
      await wait(ms);
    },
  };
});
