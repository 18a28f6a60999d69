import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseV4l2List } from '../../../device/hardware/camera/v4l2/list.js';
import { keyOf } from '../../../device/tools/calibrate/calibrate.js';
import { fixedControls, proposeLockMs } from '../../../device/tools/calibrate/proposals.js';

const controlsOf = (lines: string) =>
  parseV4l2List(`camera /dev/video0 driver=uvcvideo bus=usb-1 card=C920\n${lines}`).cameras[0]?.controls ??
  [];

describe('fixedControls', () => {
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

describe('proposeLockMs', () => {
  const levels = (brightness: readonly number[]) =>
    brightness.map((meanLuma, index) => ({ atMs: 10_000 + 200 * index, meanLuma }));

  it('is the time from which the brightness is steady, with a reserve', () => {
    const settling = [20, 40, 60, 80, 100, 110, 115, 118, 119, 120, 120, 121, 120, 120, 119, 120];
    // Steady from 118, after 1.4 s.
    assert.equal(proposeLockMs(levels(settling), 10_000), 2_000);
    assert.equal(proposeLockMs(levels(Array.from({ length: 9 }, () => 100)), 10_000), 1_000);
  });

  it('is unknown if the brightness was not steady for a second', () => {
    assert.equal(proposeLockMs([], 10_000), null);
    assert.equal(proposeLockMs(levels([10, 50, 10, 50, 10, 50, 10, 50, 10, 50]), 10_000), null);
  });
});
