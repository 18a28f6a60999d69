import type { TestContext } from 'node:test';
import {
  makeRpicamCamera,
  type RpicamCameraOptions,
} from '../../../device/hardware/camera/rpicam/rpicam-camera.js';
import { SystemClock } from '../../../device/kit/clock.js';
import { newId } from '../../../device/kit/ids.js';
import { quiet } from '../bin.js';
import { FakeRpicam, type RpicamScript } from './fake-rpicam.js';

export const RPICAM_SETTINGS: RpicamCameraOptions['settings'] = {
  ...{ camera: 0, width: 640, height: 480, framesPerSecond: 50, quality: 90, rotation: 0, crop: null },
  ...{ exposure: 'auto', whiteBalance: 'auto', focus: 'auto', tuningFile: null },
};

/** Makes the driver with a fake rpicam-vid, in real time. */
export const makeRpicamBench = (
  test: TestContext,
  script: Partial<RpicamScript> = {},
  changes: Partial<RpicamCameraOptions> = {},
) => {
  const clock = new SystemClock();
  const fake = new FakeRpicam(script);
  const camera = makeRpicamCamera({
    ...{ program: fake.program, settings: RPICAM_SETTINGS, lockAfterMs: null, startMs: 2_500, freezeMs: 700 },
    ...{ dropFrames: 2, identicalFrames: 2, latencyMs: 0, newId, clock, log: quiet },
    ...changes,
  });
  test.after(async () => {
    await camera.close();
    fake.remove();
  });
  return { clock, fake, camera };
};
