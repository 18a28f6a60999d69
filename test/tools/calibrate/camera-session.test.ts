import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Camera, CameraInfo, Frame } from '../../../device/hardware/camera/camera.js';
import { sleep } from '../../../device/kit/deadline.js';
import { type Answer, done, failed } from '../../../device/kit/errors.js';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { keyOf } from '../../../device/tools/calibrate/calibrate.js';
import {
  type CameraSessionOptions,
  calibrateCamera,
} from '../../../device/tools/calibrate/camera-session.js';
import { Keys, ScreenInMemory } from './support.js';

const INFO: CameraInfo = {
  ...{ driver: 'rpicam', model: 'imx708', size: { width: 640, height: 480 }, format: 'jpeg' },
  ...{ framesPerSecond: 15, clock: 'exposure', latencyMs: 0 },
};

/** A session with a camera whose images have the given sharpness, one after the other. */
const startSession = (
  replaced: Partial<CameraSessionOptions> = {},
  sharpness: readonly number[] = [10, 40, 20],
) => {
  const clock = new SimulatedClock();
  const keys = new Keys();
  const screen = new ScreenInMemory();
  const stop = new AbortController();
  const written: number[] = [];
  let taken = 0;
  let next: Answer<Frame, 'camera-missing'> | null = null;
  const camera = {
    frameAfter: async (_: number, signal: AbortSignal) => {
      await sleep(clock, 30, signal);
      taken += 1;
      const frame = { id: `${taken}`, bytes: Uint8Array.of(taken), capturedAtMs: clock.monotonicMs() - 20 };
      return next ?? done({ ...frame, capturedAtWallMs: 0 });
    },
  } as Partial<Camera> as Camera;
  const quality = { width: 640, height: 480, meanLuma: 120, darkShare: 0.01, brightShare: 0.2 };
  const session = calibrateCamera(
    {
      ...{ camera, info: INFO, startedAtMs: 0, frameMs: 1_000, light: null, readControls: null, clock },
      inspector: {
        inspect: async ({ bytes }) =>
          done({ ...quality, sharpness: sharpness[((bytes[0] ?? 1) - 1) % sharpness.length] ?? 0 }),
        toJpeg: async () => failed('vision-down', 'not needed'),
      },
      configured: { controls: {}, latencyMs: null, lockAfterMs: null },
      write: async (bytes) => {
        written.push(bytes[0] ?? 0);
        return 'camera.jpg';
      },
      ...{ tasks: [], maxImages: Number.POSITIVE_INFINITY, keys, screen, style: 'live' as const },
      ...replaced,
    },
    stop.signal,
  );
  const press = async (key: string) => {
    keys.press(key);
    await clock.advance(400);
  };
  const changesAfter = async () => {
    await clock.advance(400);
    return (await session).map(({ path, from, to }) => [keyOf(path), from, to]);
  };
  return {
    ...{ clock, keys, screen, stop, written, press, changesAfter },
    fail: () => {
      next = failed('camera-missing', 'no camera. Check the ribbon cable.');
    },
  };
};

describe('calibrateCamera', () => {
  it('shows the sharpness, the best one and the exposure live, and starts the best again', async () => {
    const { clock, screen, press, changesAfter } = startSession();
    await clock.advance(50);
    assert.match(screen.text, /imx708 \(rpicam\), 640x480 jpeg, 15 frames per second, latency 0 ms/);
    assert.match(screen.text, /sharpness +10\.0 {3}best 10\.0/);
    assert.match(screen.text, /brightness +120 {3}of 255, too bright\n +black +1 % {3}white 20 %/);
    await clock.advance(400);
    assert.match(screen.text, /sharpness +20\.0 {3}best 40\.0 {3}#{15}\n/);
    await press('r');
    assert.match(screen.text, /best (10|40|20)\.0/);
    await press('q');
    assert.deepEqual(await changesAfter(), []);
    assert.deepEqual(screen.shown, []);
  });

  it('writes an image and proposes settings at a key', async () => {
    const { screen, press, written, changesAfter } = startSession();
    await press('w');
    assert.equal(written.length, 1);
    assert.match(screen.text, /Image written to camera\.jpg\./);
    assert.match(screen.text, /f: lock exposure, white balance and focus/);
    await press('f');
    // Nothing is proposed before the brightness was steady for a second.
    assert.doesNotMatch(screen.text, /camera\.lockAfterMs/);
    await press('w');
    await press('w');
    assert.match(screen.text, /camera\.lockAfterMs {2}not set -> 2000/);
    await press('l');
    assert.match(screen.text, /The panel has no camera light\. Set panel\.light\./);
    await press('q');
    assert.deepEqual(await changesAfter(), [['camera.lockAfterMs', null, 2_000]]);
  });

  it('proposes the present values of the controls', async () => {
    const control = { minimum: 0, maximum: 3, step: 1, defaultValue: 3, isInactive: false };
    const controls = [{ ...control, name: 'auto_exposure', value: 3 }];
    const { press, changesAfter } = startSession({ readControls: async () => done(controls) });
    await press('f');
    await press('q');
    assert.deepEqual(await changesAfter(), [['camera.controls.auto_exposure', null, 1]]);
  });

  it('shows a fault with its fix, and continues', async () => {
    const { clock, screen, fail, press, changesAfter } = startSession();
    await clock.advance(50);
    fail();
    await clock.advance(400);
    assert.match(screen.text, /no camera\. Check the ribbon cable\./);
    await press('q');
    assert.deepEqual(await changesAfter(), []);
  });

  it('ends when it is interrupted, or when the terminal is closed', async () => {
    const interrupted = startSession();
    await interrupted.clock.advance(50);
    interrupted.stop.abort(new Error('interrupted'));
    assert.deepEqual(await interrupted.changesAfter(), []);
    const closed = startSession();
    closed.keys.end();
    assert.deepEqual(await closed.changesAfter(), []);
  });

  it('prints lines of JSON without a terminal, performs its tasks once, and ends after the last image', async () => {
    const { clock, screen, written, changesAfter } = startSession({
      ...{ style: 'json', keys: null, maxImages: 2, tasks: ['write', 'fix', 'latency'] },
    });
    await clock.advance(1_000);
    assert.deepEqual(await changesAfter(), []);
    const [first, picture, latency, second, fixed] = screen.printed.map((line) => JSON.parse(line));
    assert.deepEqual([first.sharpness, first.best, first.ageMs], [10, 10, 20]);
    assert.deepEqual(
      [picture, latency, fixed],
      [
        { picture: 'camera.jpg' },
        { latency: null, reason: 'The panel has no camera light. Set panel.light.' },
        {
          fixed: 0,
          reason: 'The brightness was not steady for 1 s yet, so that no lockAfterMs is known.',
        },
      ],
    );
    assert.equal(second.best, 40);
    assert.deepEqual([screen.printed.length, written], [5, [1]]);
  });

  it('proposes the time of the lock once, as soon as it was measured', async () => {
    const { clock, screen, changesAfter } = startSession({
      ...{ style: 'json', keys: null, maxImages: 12, tasks: ['fix'] },
    });
    for (let step = 0; step < 80; step++) await clock.advance(50);
    assert.deepEqual(await changesAfter(), [['camera.lockAfterMs', null, 2_000]]);
    assert.deepEqual(
      screen.printed.map((line) => JSON.parse(line)).filter(({ at }) => !at),
      [{ proposal: 'camera.lockAfterMs', from: null, to: 2_000 }],
    );
  });
});
