import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseRpicamList } from '../../../device/hardware/camera/rpicam/list.js';
import { parseV4l2List } from '../../../device/hardware/camera/v4l2/list.js';
import { done, failed } from '../../../device/kit/errors.js';
import { examineCameras } from '../../../device/tools/doctor/cameras.js';
import type { ConfiguredCamera } from '../../../device/tools/doctor/configured-camera.js';
import { verdictOf } from '../../../device/tools/doctor/doctor.js';
import { renderSection } from '../../../device/tools/doctor/render.js';

const V4L2 = `camera /dev/video0 driver=uvcvideo bus=usb-0000:01:00.0-1.2 card=HD Pro Webcam C920
size MJPG 640x480 30 24 15
size MJPG 1280x720 30
size MJPG 1920x1080 30
size MJPG 800x600 30
size MJPG 320x240 30
size YUYV 640x480 30
size YUYV 1920x1080 5
control brightness 128 0 255 1 128 -
control white_balance_temperature 4000 2000 6500 1 4000 i
error /dev/video1 denied Permission denied
camera /dev/video2 driver=vivid bus=platform:vivid-000 card=vivid
size YUYV 320x180 30`;

const RPICAM = `0 : imx219 [3280x2464 10-bit RGGB] (/base/soc/i2c0mux/i2c@1/imx219@10)
    Modes: 'SRGGB10_CSI2P' : 640x480 [103.33 fps - (1000, 752)/1280x960 crop]
                             1640x1232 [41.85 fps - (0, 0)/3280x2464 crop]`;

const listed = parseV4l2List(V4L2);
const USB = {
  ...listed,
  cameras: listed.cameras.map((camera) =>
    camera.address === '/dev/video2'
      ? {
          ...camera,
          stablePath: '/dev/v4l/by-id/vivid',
          holders: [
            { pid: 812, command: 'motion' },
            { pid: 900, command: 'sortbin-camera' },
          ],
        }
      : camera,
  ),
};

const machine = {
  v4l2: done(USB),
  rpicam: done({ cameras: parseRpicamList(RPICAM), unusable: [] }),
  requirementFault: null,
  exitCode: 69,
};
const none = { cameras: [], unusable: [] };
const noPrograms = {
  v4l2: failed('camera-unsupported', 'sortbin-camera: no library. Configure one.'),
  rpicam: failed('camera-unsupported', 'rpicam-hello: not found. Install rpicam-apps.'),
  requirementFault: null,
  exitCode: 69,
};

const examine = (configured: ConfiguredCamera, found: Pick<typeof machine, 'v4l2' | 'rpicam'> = machine) =>
  examineCameras({ ...machine, ...found, configured });

const usb = (changed: Partial<ConfiguredCamera & { driver: 'v4l2' }>): ConfiguredCamera => ({
  ...{ driver: 'v4l2', device: '/dev/video0', path: null, format: 'auto', width: 640, height: 480 },
  ...{ framesPerSecond: 15, controls: {}, ...changed },
});
const ribbon = (changed: Partial<ConfiguredCamera & { driver: 'rpicam' }>): ConfiguredCamera => ({
  ...{ driver: 'rpicam', camera: 0, width: 640, height: 480, framesPerSecond: 15, ...changed },
});

const verdict = (configured: ConfiguredCamera, found?: Pick<typeof machine, 'v4l2' | 'rpicam'>) => {
  const { status, text } = examine(configured, found).checks.at(-1) ?? {};
  return `${status}: ${text}`;
};

describe('examineCameras', () => {
  it('shows each camera with its formats, sizes and holders, in 80 columns', () => {
    assert.equal(
      renderSection(examine({ driver: 'simulated' }), { colour: false, columns: 80 }),
      `camera
  ✓ /dev/video0  HD Pro Webcam C920, uvcvideo, usb-0000:01:00.0-1.2. MJPG
                 640x480 at 30, 1280x720 at 30, 1920x1080 at 30, 800x600 at 30,
                 1 more. YUYV 640x480 at 30, 1920x1080 at 5.
                 controls, with their ranges and present values:
                 brightness 0..255: 128
                 white_balance_temperature 2000..6500: 4000 (automatic)
  ✓ /dev/video2  vivid, vivid, platform:vivid-000. YUYV 320x180 at 30. Open in
                 motion (process 812), sortbin-camera (process 900).
                 stable path: /dev/v4l/by-id/vivid
  ✓ ribbon 0     imx219, /base/soc/i2c0mux/i2c@1/imx219@10. SRGGB10_CSI2P
                 640x480 at 103, 1640x1232 at 42.
  · /dev/video1  permission denied. Add your user to the group video, then log
                 in again.
  · configured   none: camera.driver is simulated
`,
    );
    assert.equal(verdictOf([examine({ driver: 'simulated' })]), 0);
    assert.deepEqual(examine({ driver: 'simulated' }).checks[0]?.controls, USB.cameras[0]?.controls);
  });

  it('accepts a configured camera that offers the size, the rate and the controls', () => {
    assert.equal(
      verdict(usb({ controls: { brightness: 200 } })),
      'ok: HD Pro Webcam C920 (/dev/video0), 640x480 at 15 frames per second',
    );
    assert.match(verdict(usb({ device: '/dev/video0', format: 'yuyv' })), /^ok: /);
    assert.match(verdict(ribbon({ width: 1000, height: 700 })), /^ok: imx219 \(0\), 1000x700 at 15/);
    assert.equal(
      verdict({ driver: 'node-libcamera', camera: 0, width: 1640, height: 1232 }),
      'ok: imx219 (0), 1640x1232 stills. The package node-libcamera is installed.',
    );
  });

  it('finds a camera by its stable path, and names other programs that have it open', () => {
    const configured = usb({ device: '/dev/v4l/by-id/vivid', width: 320, height: 180 });
    assert.equal(
      verdict(configured),
      'note: /dev/video2 is open in motion (process 812). If the camera is busy, end that program.',
    );
    assert.equal(verdictOf([examine(configured)]), 0);
  });

  it('fails if the configured camera cannot be used as configured, and states the fix', () => {
    const wrong: readonly [ConfiguredCamera, RegExp][] = [
      [
        usb({ device: '/dev/video7' }),
        /camera\.device: camera \/dev\/video7 not found\. Connect it, .* machine: \/dev\/video0, \/dev\/video2\.$/,
      ],
      [usb({ device: '/dev/video1' }), /\/dev\/video1: permission denied\. Add your user to the group video/],
      [usb({ width: 641 }), /does not offer 641x480, .* Sizes of MJPG: 640x480, 1280x720, /],
      [
        usb({ format: 'yuyv', width: 1920, height: 1080 }),
        /camera\.framesPerSecond: 15 is too fast at 1920x1080\. The camera offers at most 5\./,
      ],
      [
        usb({ device: '/dev/video2', format: 'mjpeg' }),
        /camera\.format: the camera offers no mjpeg\. Its formats are YUYV\./,
      ],
      [
        usb({ controls: { focus: 1 } }),
        /controls\.focus: the camera has no such control\. .* brightness, white_balance_temperature\./,
      ],
      [usb({ controls: { brightness: 256 } }), /controls\.brightness: 256 is not in 0 to 255\./],
      [ribbon({ camera: 1 }), /camera\.camera: camera 1 not found\. .* Cameras of this machine: 0\./],
      [ribbon({ width: 4000, height: 3000 }), /4000x3000 is larger than the sensor, 1640x1232\./],
      [ribbon({ width: 1640, height: 1232, framesPerSecond: 60 }), /60 is too fast .* at most 41\.85\./],
    ];
    for (const [configured, text] of wrong) {
      assert.match(verdict(configured), text);
      assert.match(verdict(configured), /^fail: /);
      assert.equal(verdictOf([examine(configured)]), 69);
    }
  });

  it('compares the path without links, and states that another file is not a camera', () => {
    assert.match(verdict(usb({ device: '/dev/v4l/by-path/usb-1', path: '/dev/video0' })), /^ok: .*video0/);
    for (const [device, path, shown] of [
      ['/dev/null', '/dev/null', '/dev/null'],
      ['/srv/camera', '/dev/tty0', '/srv/camera (/dev/tty0)'],
    ] as const) {
      const check = examine(usb({ device, path })).checks.at(-1);
      assert.deepEqual(
        [check?.status, check?.code, check?.text],
        [
          'fail',
          'camera-unsupported',
          `camera.device: ${shown} is not a camera. Use the path of a camera. Cameras of this machine: /dev/video0, /dev/video2.`,
        ],
      );
    }
  });

  it('gives each failure of the configured camera a code', () => {
    const codeOf = (configured: ConfiguredCamera) => examine(configured).checks.at(-1)?.code;
    assert.equal(codeOf(usb({ device: '/dev/video7' })), 'camera-missing');
    assert.equal(codeOf(ribbon({ camera: 1 })), 'camera-missing');
    assert.equal(codeOf(usb({ device: '/dev/video1' })), 'camera-denied');
    assert.equal(codeOf(usb({ width: 641 })), 'camera-unsupported');
    assert.equal(codeOf(usb({})), undefined);
    const unlisted = examineCameras({ ...noPrograms, configured: usb({}) });
    assert.equal(unlisted.checks.at(-1)?.code, 'camera-unsupported');
  });

  it('fails without what the configured camera requires', () => {
    const requirementFault = {
      code: 'pictures-missing',
      message: 'camera.folder: /nowhere cannot be listed.',
    };
    const section = examineCameras({ ...machine, configured: { driver: 'simulated' }, requirementFault });
    assert.deepEqual(section.checks.at(-1), {
      ...{ name: 'configured', status: 'fail', code: 'pictures-missing' },
      text: 'camera.folder: /nowhere cannot be listed.',
    });
  });

  it('lists the cameras if the configuration is invalid', () => {
    const section = examineCameras({ ...machine, configured: null });
    assert.equal(section.checks[0]?.name, '/dev/video0');
    assert.match(section.checks.at(-1)?.text ?? '', /^not checked, because the configuration is invalid/);
    assert.equal(verdictOf([section]), 0);
  });

  it('only notes an unlisted size of a driver that may offer a range of sizes', () => {
    assert.match(verdict(usb({ device: '/dev/video2' })), /^note: camera\.width: .* uses the nearest size/);
  });

  it('fails on a machine without cameras or programs only if a camera is configured', () => {
    const empty = { v4l2: done(none), rpicam: done(none) };
    assert.equal(examine({ driver: 'simulated' }, empty).checks[0]?.text, 'none found');
    assert.match(verdict(usb({}), empty), /^fail: .* Cameras of this machine: none\.$/);
    const section = examineCameras({ ...noPrograms, configured: { driver: 'simulated' } });
    assert.deepEqual(
      section.checks.map(({ name, status }) => `${name} ${status}`),
      ['cameras note', 'USB cameras note', 'ribbon cameras note', 'configured note'],
    );
    const failing = examineCameras({ ...noPrograms, configured: ribbon({}) });
    assert.equal(verdictOf([failing]), 69);
    assert.match(failing.checks.at(-1)?.text ?? '', /cannot be listed\. rpicam-hello: not found\. Install/);
  });
});
