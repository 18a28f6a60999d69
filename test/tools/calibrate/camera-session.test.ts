import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { camera as cameraSchema } from '../../../device/config/camera.js';
import type { Camera, CameraInfo, CameraSettings, Frame } from '../../../device/hardware/camera/camera.js';
import type { Output } from '../../../device/hardware/lines/lines.js';
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

const SETTINGS: CameraSettings = {
  ...{ kind: 'libcamera', exposure: { shutterUs: 8_000, gain: 2.5 } },
  ...{ whiteBalance: { red: 1.9, blue: 1.5 }, focus: { dioptres: 4.5 } },
};
const FIXED = [
  ['camera.exposure', 'auto', { shutterUs: 8_000, gain: 2.5 }],
  ['camera.whiteBalance', 'auto', { red: 1.9, blue: 1.5 }],
  ['camera.focus', 'auto', { dioptres: 4.5 }],
];
const CHANGING = 'The exposure is still changing. Fix the settings again when the brightness is steady.';

/** A session with a camera whose images have the given sharpness, one after the other. */
const startSession = (
  replaced: Partial<CameraSessionOptions> = {},
  sharpness: readonly number[] = [10, 40, 20],
  lumaOf: (image: number) => number = () => 120,
) => {
  const clock = new SimulatedClock();
  const keys = new Keys();
  const screen = new ScreenInMemory();
  const stop = new AbortController();
  const written: number[] = [];
  let taken = 0;
  let settings: CameraSettings | null = SETTINGS;
  let next: Answer<Frame, 'camera-missing'> | null = null;
  const camera = {
    frameAfter: async (_: number, signal: AbortSignal) => {
      await sleep(clock, 30, signal);
      taken += 1;
      const frame = { id: `${taken}`, bytes: Uint8Array.of(taken), capturedAtMs: clock.monotonicMs() - 20 };
      return next ?? done({ ...frame, capturedAtWallMs: 0 });
    },
    settings: async () => done(settings),
  } as Partial<Camera> as Camera;
  const quality = { width: 640, height: 480, darkShare: 0.01, brightShare: 0.2 };
  const session = calibrateCamera(
    {
      ...{ camera, info: INFO, frameMs: 1_000, light: null, clock },
      inspector: {
        inspect: async ({ bytes }) =>
          done({
            ...quality,
            meanLuma: lumaOf(bytes[0] ?? 1),
            sharpness: sharpness[((bytes[0] ?? 1) - 1) % sharpness.length] ?? 0,
          }),
        toJpeg: async () => failed('vision-down', 'not needed'),
      },
      configured: cameraSchema.parse({ driver: 'rpicam' }),
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
    report: (reported: CameraSettings | null) => {
      settings = reported;
    },
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
    const { clock, screen, press, written, changesAfter } = startSession();
    await press('w');
    assert.equal(written.length, 1);
    assert.match(screen.text, /Image written to camera\.jpg\./);
    assert.match(screen.text, /f: fix exposure, white balance and focus/);
    await press('f');
    await clock.advance(600);
    assert.match(screen.text, / {2}camera\.exposure {2}auto -> \{ shutterUs: 8000, gain: 2\.5 \}\n/);
    assert.match(screen.text, / {2}camera\.focus {2}auto -> \{ dioptres: 4\.5 \}\n/);
    assert.doesNotMatch(screen.text, /still changing/);
    await press('l');
    assert.match(screen.text, /The panel has no camera light\. Set panel\.light\./);
    await press('q');
    assert.deepEqual(await changesAfter(), FIXED);
  });

  it('proposes the present values of the controls', async () => {
    const control = { minimum: 0, maximum: 3, step: 1, defaultValue: 3, isInactive: false };
    const { clock, report, press, changesAfter } = startSession({
      configured: cameraSchema.parse({ driver: 'v4l2' }),
    });
    report({ kind: 'controls', controls: [{ ...control, name: 'auto_exposure', value: 3 }] });
    await press('f');
    await clock.advance(1_000);
    await press('q');
    assert.deepEqual(await changesAfter(), [['camera.controls.auto_exposure', null, 1]]);
  });

  it('states that the exposure is still changing', async () => {
    const { clock, screen, press, changesAfter } = startSession({}, [10], (image) => 20 * image);
    await press('f');
    await clock.advance(1_000);
    assert.ok(screen.text.includes(CHANGING), screen.text);
    await press('q');
    assert.deepEqual(await changesAfter(), FIXED);
  });

  it('states why there is nothing to fix', async () => {
    const reasonsOf = async (configured: object, reported: CameraSettings | null) => {
      const session = startSession({
        ...{ style: 'json', keys: null, maxImages: 1, tasks: ['fix'] },
        configured: cameraSchema.parse(configured),
      });
      session.report(reported);
      assert.deepEqual(await session.changesAfter(), []);
      return session.screen.printed.map((line) => JSON.parse(line)).filter(({ at }) => !at);
    };
    assert.deepEqual(await reasonsOf({ driver: 'simulated' }, null), [
      { fixed: 0, reason: 'This camera driver has no settings to fix.' },
    ]);
    assert.deepEqual(await reasonsOf({ driver: 'v4l2' }, { kind: 'controls', controls: [] }), [
      { fixed: 0, reason: 'The camera has no automatic setting, or all are fixed already.' },
    ]);
  });

  it('turns the light on before it reads the settings', async () => {
    const steps: string[] = [];
    const light = {
      on: async (signal: AbortSignal) => {
        steps.push('on');
        signal.addEventListener('abort', () => steps.push('off'));
        return done(undefined);
      },
    };
    const { clock, changesAfter } = startSession({
      ...{ style: 'json', keys: null, maxImages: 1, tasks: ['fix'] },
      light: { light, output: {} as Partial<Output> as Output },
    });
    await clock.advance(100);
    assert.deepEqual(await changesAfter(), FIXED);
    assert.deepEqual(steps, ['on', 'off', 'on', 'off']);
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
    assert.deepEqual(await changesAfter(), FIXED);
    const [first, picture, latency, second, ...proposals] = screen.printed.map((line) => JSON.parse(line));
    assert.deepEqual([first.sharpness, first.best, first.ageMs], [10, 10, 20]);
    assert.deepEqual(
      [picture, latency],
      [
        { picture: 'camera.jpg' },
        { latency: null, reason: 'The panel has no camera light. Set panel.light.' },
      ],
    );
    assert.deepEqual([second.best, written], [40, [1]]);
    assert.deepEqual(
      proposals,
      FIXED.map(([proposal, from, to]) => ({ proposal, from, to })),
    );
  });

  it('fixes the settings after images that show whether the exposure is steady', async () => {
    const { clock, screen, changesAfter } = startSession(
      { style: 'json', keys: null, maxImages: 8, tasks: ['fix'] },
      [10],
      (image) => 200 - 10 * image,
    );
    for (let step = 0; step < 40; step++) await clock.advance(50);
    assert.deepEqual(await changesAfter(), FIXED);
    const printed = screen.printed.map((line) => JSON.parse(line));
    assert.deepEqual(
      printed.map(({ at, proposal, warning }) => (at ? 'image' : (proposal ?? warning))),
      [
        ...Array.from({ length: 5 }, () => 'image'),
        ...FIXED.map(([proposal]) => proposal),
        'exposure-changing',
        ...Array.from({ length: 3 }, () => 'image'),
      ],
    );
    assert.equal(printed[8].message, CHANGING);
  });
});
