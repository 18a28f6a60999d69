import assert from 'node:assert/strict';
import { delimiter, dirname } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { listRpicamCameras, parseRpicamList } from '../../../../device/hardware/camera/rpicam/list.js';
import { fakeProgram, printing } from '../../../support/hardware/fake-program.js';

/** The format of rpicam-apps 1.13, from its source. */
const LIST = `Available cameras
-----------------
0 : imx708 [4608x2592 10-bit RGGB] (/base/soc/i2c0mux/i2c@1/imx708@1a)
    Modes: 'SRGGB10_CSI2P' : 1536x864 [120.13 fps - (768, 432)/3072x1728 crop]
                             2304x1296 [56.03 fps - (0, 0)/4608x2592 crop]

1 : imx219 [3280x2464 10-bit RGGB] (/base/soc/i2c0mux/i2c@0/imx219@10)
    Modes: 'SRGGB10_CSI2P' : 640x480 [206.65 fps - (1000, 752)/1280x960 crop]
           'SRGGB8' : 640x480 [nan fps - (1000, 752)/1280x960 crop]
                      1640x1232 [83.70 fps - (0, 0)/3280x2464 crop]
`;

/** The format before frame rates were printed. */
const OLD_LIST = `Available cameras
-----------------
0 : ov5647 [2592x1944] (/base/soc/i2c0mux/i2c@1/ov5647@36)
    Modes: 'SGBRG10_CSI2P' : 640x480 1296x972 2592x1944
`;

/** Makes programs with these scripts the only ones in PATH. */
const inPath = async (test: TestContext, scripts: Readonly<Record<string, string>>) => {
  const before = process.env.PATH;
  test.after(() => {
    process.env.PATH = before;
  });
  const folders = [];
  for (const [name, script] of Object.entries(scripts))
    folders.push(dirname(await fakeProgram(test, name, script)));
  process.env.PATH = [...folders, '/usr/bin', '/bin'].join(delimiter);
};

describe('the list of cameras on the ribbon cable', () => {
  it('contains the sensor, the place and the modes of each camera', () => {
    const format = 'SRGGB10_CSI2P';
    assert.deepEqual(
      parseRpicamList(LIST).map(({ address, model, place, sizes }) => ({ address, model, place, sizes })),
      [
        {
          ...{ address: '0', model: 'imx708', place: '/base/soc/i2c0mux/i2c@1/imx708@1a' },
          sizes: [
            { format, width: 1536, height: 864, rates: [120.13] },
            { format, width: 2304, height: 1296, rates: [56.03] },
          ],
        },
        {
          ...{ address: '1', model: 'imx219', place: '/base/soc/i2c0mux/i2c@0/imx219@10' },
          sizes: [
            { format, width: 640, height: 480, rates: [206.65] },
            { format: 'SRGGB8', width: 640, height: 480, rates: [] },
            { format: 'SRGGB8', width: 1640, height: 1232, rates: [83.7] },
          ],
        },
      ],
    );
    assert.deepEqual(
      parseRpicamList(OLD_LIST)[0]?.sizes.map(({ width, height, rates }) => [width, height, rates]),
      [
        [640, 480, []],
        [1296, 972, []],
        [2592, 1944, []],
      ],
    );
  });

  it('comes from rpicam-hello, or from an older program', async (test) => {
    await inPath(test, { 'libcamera-vid': printing(OLD_LIST) });
    const old = await listRpicamCameras({ program: null });
    assert.equal(old.ok && old.value.cameras[0]?.model, 'ov5647');
    await inPath(test, {
      'libcamera-vid': printing(OLD_LIST),
      'rpicam-hello': `test "$1" = --list-cameras && ${printing(LIST)}`,
    });
    const found = await listRpicamCameras({ program: null });
    assert.equal(found.ok && found.value.cameras.length, 2);
  });

  it('is empty if no camera is connected', async (test) => {
    const program = await fakeProgram(test, 'rpicam-vid', 'echo "No cameras available!"');
    assert.deepEqual(await listRpicamCameras({ program }), {
      ok: true,
      value: { cameras: [], unusable: [] },
    });
  });

  it('fails with a fix if no program is installed, fails, hangs or prints something else', async (test) => {
    const faultOf = async (program: string | null) => {
      const answer = await listRpicamCameras({ program, deadlineMs: 400 });
      assert.ok(!answer.ok);
      return `${answer.fault.code}: ${answer.fault.message}`;
    };
    await inPath(test, {});
    assert.equal(
      await faultOf(null),
      'camera-unsupported: rpicam-hello, rpicam-vid, libcamera-hello, libcamera-vid: not found. On Raspberry Pi OS, run sudo apt install rpicam-apps. Debian has no such package.',
    );
    assert.equal(
      await faultOf('/nowhere/rpicam-vid'),
      'camera-unsupported: camera.program: /nowhere/rpicam-vid is not a program. Correct camera.program, or set null to search PATH.',
    );
    assert.match(
      await faultOf(
        await fakeProgram(
          test,
          'throws',
          'echo "ERROR: *** failed to generate capture configuration ***" >&2; exit 255',
        ),
      ),
      /^camera-failed: .*throws: ERROR: \*\*\* failed to generate .*\. Run .*throws --list-cameras/,
    );
    assert.match(
      await faultOf(await fakeProgram(test, 'hangs', 'exec sleep 60')),
      /^camera-failed: .*hangs: no answer within 400 ms\. End other programs/,
    );
    assert.match(
      await faultOf(await fakeProgram(test, 'strange', 'echo hello')),
      /^camera-failed: .*strange: unknown output\./,
    );
  });
});
