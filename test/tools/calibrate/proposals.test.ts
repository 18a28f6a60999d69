import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { camera as cameraSchema } from '../../../device/config/camera.js';
import { parseV4l2List } from '../../../device/hardware/camera/v4l2/list.js';
import { type Change, keyOf } from '../../../device/tools/calibrate/calibrate.js';
import { fixedSettings, isSteady } from '../../../device/tools/calibrate/proposals.js';

const controlsOf = (lines: string) =>
  parseV4l2List(`camera /dev/video0 driver=uvcvideo bus=usb-1 card=C920\n${lines}`).cameras[0]?.controls ??
  [];

const cameraOf = (config: object) => cameraSchema.parse(config);
const keyOfChange = ({ path }: Change) => keyOf(path);

const fixedControls = (
  controls: ReturnType<typeof controlsOf>,
  configured: Readonly<Record<string, number>>,
) => fixedSettings({ kind: 'controls', controls }, cameraOf({ driver: 'v4l2', controls: configured }));

describe('fixedSettings of Video4Linux', () => {
  it('keeps the present automatic values, each after its selector', () => {
    const controls = controlsOf(`control brightness 128 0 255 1 128 -
control gain 12 0 255 1 0 -
control white_balance_automatic 1 0 1 1 1 -
control white_balance_temperature 4210 2000 6500 1 4000 i
control exposure_time_absolute 157 3 2047 1 250 i
control auto_exposure 3 0 3 1 3 -
control focus_absolute 30 0 250 5 0 i
control focus_automatic_continuous 1 0 1 1 1 -`);
    assert.deepEqual(
      fixedControls(controls, { gain: 3, focus_absolute: 30 }).map(({ path, from, to }) => [
        keyOf(path),
        from,
        to,
      ]),
      [
        ['camera.controls.auto_exposure', null, 1],
        ['camera.controls.gain', 3, 12],
        ['camera.controls.exposure_time_absolute', null, 157],
        ['camera.controls.white_balance_automatic', null, 0],
        ['camera.controls.white_balance_temperature', null, 4210],
        ['camera.controls.focus_automatic_continuous', null, 0],
      ],
    );
  });

  it('uses the names of older kernels, and proposes nothing for a camera without automatic controls', () => {
    const old = controlsOf('control exposure_auto 3 0 3 1 3 -\ncontrol exposure_absolute 200 3 2047 1 250 i');
    assert.deepEqual(
      fixedControls(old, {}).map(({ path }) => path.at(-1)),
      ['exposure_auto', 'exposure_absolute'],
    );
    assert.deepEqual(fixedControls(controlsOf('control gain 12 0 255 1 0 -'), {}), []);
  });
});

describe('fixedSettings of libcamera', () => {
  const settings = {
    kind: 'libcamera',
    exposure: { shutterUs: 12_345.6, gain: 1.12281 },
    whiteBalance: { red: 1.93717, blue: 1.5 },
    focus: { dioptres: 4.4999 },
  } as const;

  it('replaces each automatic setting by its present value, rounded', () => {
    assert.deepEqual(fixedSettings(settings, cameraOf({ driver: 'rpicam' })), [
      { path: ['camera', 'exposure'], from: 'auto', to: { shutterUs: 12_346, gain: 1.12 } },
      { path: ['camera', 'whiteBalance'], from: 'auto', to: { red: 1.94, blue: 1.5 } },
      { path: ['camera', 'focus'], from: 'auto', to: { dioptres: 4.5 } },
    ]);
  });

  it('proposes nothing for a fixed setting, and for one that the camera does not have', () => {
    const exposure = { shutterUs: 8_000, gain: 2 };
    assert.deepEqual(
      fixedSettings({ ...settings, focus: null }, cameraOf({ driver: 'rpicam', exposure })).map(keyOfChange),
      ['camera.whiteBalance'],
    );
  });

  it('proposes no exposure that is longer than a frame, which the configuration refuses', () => {
    const configured = cameraOf({ driver: 'rpicam', framesPerSecond: 90 });
    const [change] = fixedSettings(settings, configured);
    assert.deepEqual(change?.to, { shutterUs: 11_111, gain: 1.12 });
    cameraOf({ ...configured, exposure: change?.to });
  });
});

describe('isSteady', () => {
  it('compares the brightness of the images', () => {
    assert.ok(isSteady([120, 121, 119, 122, 120]));
    assert.ok(!isSteady([100, 110, 115, 118, 119]));
  });
});
