import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { listV4l2Cameras, parseV4l2List } from '../../../../device/hardware/camera/v4l2/list.js';
import { fakeProgram, printing } from '../../../support/hardware/fake-program.js';

const LIST = `camera /dev/video0 driver=uvcvideo bus=usb-0000:01:00.0-1.2 card=HD Pro Webcam C920
size MJPG 640x480 30 24 15
size YUYV 640x480 7.5
size YUYV 1920x1080
control brightness 128 0 255 1 128 -
control white_balance_temperature 4000 2000 6500 1 4000 i
control pan_absolute 0 -36000 36000 3600 0 -
error /dev/video1 denied Permission denied
error /dev/video3 busy Device or resource busy
error /dev/video4 failed VIDIOC_QUERYCAP: Input/output error
camera /dev/video14 driver=bcm2835-isp bus=platform:bcm2835-isp card=bcm2835-isp
size YUYV 32x32
something from a later version`;

describe('the list of V4L2 cameras', () => {
  it('contains each camera with its sizes and controls, and the devices that cannot be opened', () => {
    const { cameras, unusable } = parseV4l2List(LIST);
    assert.deepEqual(cameras, [
      {
        ...{ driver: 'v4l2', address: '/dev/video0', stablePath: null, model: 'HD Pro Webcam C920' },
        ...{ place: 'usb-0000:01:00.0-1.2', kernelDriver: 'uvcvideo', holders: [] },
        sizes: [
          { format: 'MJPG', width: 640, height: 480, rates: [30, 24, 15] },
          { format: 'YUYV', width: 640, height: 480, rates: [7.5] },
          { format: 'YUYV', width: 1920, height: 1080, rates: [] },
        ],
        controls: [
          {
            ...{ name: 'brightness', value: 128, minimum: 0, maximum: 255 },
            ...{ step: 1, defaultValue: 128, isInactive: false },
          },
          {
            ...{ name: 'white_balance_temperature', value: 4000, minimum: 2000, maximum: 6500 },
            ...{ step: 1, defaultValue: 4000, isInactive: true },
          },
          {
            ...{ name: 'pan_absolute', value: 0, minimum: -36000, maximum: 36000 },
            ...{ step: 3600, defaultValue: 0, isInactive: false },
          },
        ],
      },
    ]);
    assert.deepEqual(
      unusable.map(({ address, code, message }) => [address, code, message]),
      [
        [
          '/dev/video1',
          'camera-denied',
          'permission denied. Add your user to the group video, then log in again.',
        ],
        ['/dev/video3', 'camera-busy', 'Device or resource busy. End the program that uses the camera.'],
        [
          '/dev/video4',
          'camera-failed',
          'VIDIOC_QUERYCAP: Input/output error. Disconnect and connect the camera.',
        ],
      ],
    );
  });

  it('names the stable path of a camera, and the processes that have it open', async (test) => {
    const program = await fakeProgram(test, 'sortbin-camera', printing(LIST));
    const root = await mkdtemp(join(tmpdir(), 'root-'));
    test.after(() => rm(root, { recursive: true, force: true }));
    await mkdir(join(root, 'dev/v4l/by-id'), { recursive: true });
    await writeFile(join(root, 'dev/video0'), '');
    await symlink('../../video0', join(root, 'dev/v4l/by-id/usb-046d_HD_Pro_Webcam_C920-video-index0'));
    await symlink('../../video9', join(root, 'dev/v4l/by-id/broken'));
    for (const [pid, comm, target] of [
      ['812', 'motion\n', '/dev/video0'],
      ['900', 'bash\n', '/dev/null'],
    ] as const) {
      await mkdir(join(root, 'proc', pid, 'fd'), { recursive: true });
      await writeFile(join(root, 'proc', pid, 'comm'), comm);
      await symlink(target, join(root, 'proc', pid, 'fd/5'));
    }
    await mkdir(join(root, 'proc/1000'), { recursive: true });
    const answer = await listV4l2Cameras({ program, root });
    assert.ok(answer.ok);
    const [camera] = answer.value.cameras;
    assert.equal(camera?.stablePath, '/dev/v4l/by-id/usb-046d_HD_Pro_Webcam_C920-video-index0');
    assert.deepEqual(camera?.holders, [{ pid: 812, command: 'motion' }]);
  });

  it('is empty for an output without cameras', async (test) => {
    const program = await fakeProgram(test, 'sortbin-camera', 'printf "\\377\\000 strange\\n"');
    const answer = await listV4l2Cameras({ program });
    assert.deepEqual(answer, { ok: true, value: { cameras: [], unusable: [] } });
  });

  it('fails with a fix if the program is missing, fails, hangs or floods', async (test) => {
    const faultOf = async (program: string, deadlineMs = 5_000) => {
      const answer = await listV4l2Cameras({ program, deadlineMs });
      assert.ok(!answer.ok);
      return `${answer.fault.code}: ${answer.fault.message}`;
    };
    assert.match(
      await faultOf('/nowhere/sortbin-camera'),
      /^camera-unsupported: \/nowhere\/sortbin-camera: not found\. Install sortbin again/,
    );
    assert.match(
      await faultOf(await fakeProgram(test, 'fails', 'echo "no such option" >&2; exit 2')),
      /^camera-unsupported: .*fails: no such option\. Install/,
    );
    assert.match(
      await faultOf(await fakeProgram(test, 'hangs', 'exec sleep 60'), 200),
      /^camera-failed: .*hangs: no answer within 200 ms\. Disconnect/,
    );
    assert.match(
      await faultOf(await fakeProgram(test, 'floods', 'exec yes')),
      /^camera-unsupported: .*maxBuffer/,
    );
  });
});
