import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import type { Camera, CameraFault, Frame } from '../../../device/hardware/camera/camera.js';
import { makeV4l2Camera, type V4l2CameraOptions } from '../../../device/hardware/camera/v4l2/v4l2-camera.js';
import { SystemClock } from '../../../device/kit/clock.js';
import { SortbinError } from '../../../device/kit/errors.js';
import { newId } from '../../../device/kit/ids.js';
import type { RestartBench } from '../../contract/camera-restart-contract.js';
import { quiet } from '../bin.js';
import { FakeSortbinCamera } from './fake-sortbin-camera.js';

/** A camera of the driver v4l2, on a fake sortbin-camera. */
export interface V4l2Bench extends RestartBench {
  readonly fake: FakeSortbinCamera;
  /** Codes of the health of the camera, in their order. */
  readonly health: (CameraFault | null)[];
  /** Starts the camera. Returns its fault. */
  failure(): Promise<{ readonly code: string; readonly message: string }>;
}

/** Returns the frame of an answer. */
export const frameOf = async (answer: ReturnType<Camera['latest']>): Promise<Frame> => {
  const settled = await answer;
  assert.ok(settled.ok, settled.ok ? '' : settled.fault.message);
  return settled.value;
};

export const makeV4l2Bench = async (
  test: TestContext,
  replaced:
    | Partial<V4l2CameraOptions>
    | ((fake: FakeSortbinCamera) => Promise<Partial<V4l2CameraOptions>>) = {},
): Promise<V4l2Bench> => {
  const fake = await new FakeSortbinCamera().start();
  const clock = new SystemClock();
  const camera = makeV4l2Camera({
    ...{ program: fake.program, device: fake.device, root: fake.root },
    ...{ width: 64, height: 48, framesPerSecond: 50, format: 'auto', controls: {}, buffers: 4 },
    ...{ startMs: 8_000, freezeMs: 400, dropFrames: 1, latencyMs: null, identicalFrames: 2 },
    ...{ clock, newId, log: quiet },
    ...(typeof replaced === 'function' ? await replaced(fake) : replaced),
  });
  test.after(async () => {
    await camera.close();
    await fake.stop();
  });
  const health: (CameraFault | null)[] = [];
  camera.onHealth((fault) => health.push(fault?.code ?? null));
  return {
    fake,
    camera,
    health,
    failure: () =>
      camera.start(new AbortController().signal).then(
        () => assert.fail('the camera started'),
        (error) => {
          assert.ok(error instanceof SortbinError);
          return { code: error.code, message: error.message };
        },
      ),
    show: async (scene) => {
      fake.scene = scene;
    },
    stall: () => {
      fake.isStalled = true;
    },
    resume: () => {
      fake.isStalled = false;
      fake.hangs = false;
    },
    hang: () => {
      fake.hangs = true;
    },
    unplug: () => fake.unplug(),
    plugIn: () => fake.plugIn(),
    starts: () => fake.starts.length,
    nowMs: () => clock.monotonicMs(),
    pass: (ms) => wait(ms),
  };
};
