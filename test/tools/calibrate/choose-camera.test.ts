import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CameraList, FoundCamera } from '../../../device/hardware/camera/camera-list.js';
import { chooseCamera, findCamera } from '../../../device/tools/calibrate/choose-camera.js';
import { Keys, ScreenInMemory } from './support.js';

const found = (changes: Partial<FoundCamera>): FoundCamera => ({
  ...{ driver: 'v4l2', address: '/dev/video0', stablePath: null, model: 'HD Webcam', place: 'usb-1.2' },
  ...{ kernelDriver: 'uvcvideo', sizes: [], controls: [], holders: [] },
  ...changes,
});
const USB = found({ stablePath: '/dev/v4l/by-id/usb-HD_Webcam-video-index0' });
const RIBBON = found({ driver: 'rpicam', address: '0', model: 'imx708', place: 'i2c@88000' });

describe('chooseCamera', () => {
  const choose = async (cameras: readonly FoundCamera[], ...pressed: string[]) => {
    const keys = new Keys();
    const screen = new ScreenInMemory();
    keys.press(...pressed);
    keys.end();
    return { chosen: await chooseCamera(cameras, keys, screen), printed: screen.printed };
  };

  it('lists the cameras, and returns that of the key', async () => {
    const { chosen, printed } = await choose([USB, RIBBON], '2');
    assert.equal(chosen, RIBBON);
    assert.deepEqual(printed, [
      'camera.driver is simulated. Choose a camera:',
      '  0  the simulated camera',
      '  1  HD Webcam, /dev/video0, usb-1.2',
      '  2  imx708, 0, i2c@88000',
    ]);
    assert.equal((await choose([USB, RIBBON], '1')).chosen, USB);
  });

  it('ignores keys without a camera', async () => {
    assert.equal((await choose([USB, RIBBON], '3', 'x', ' ', 'enter', '-', '2')).chosen, RIBBON);
  });

  it('returns no camera for 0, for Ctrl-C, and at the end of the keys', async () => {
    for (const keys of [['0', '1'], ['ctrl-c', '1'], ['x']])
      assert.equal((await choose([USB, RIBBON], ...keys)).chosen, null);
  });

  it('lists at most as many cameras as there are digits', async () => {
    const many = Array.from({ length: 11 }, (_, index) => found({ address: `/dev/video${index}` }));
    const { chosen, printed } = await choose(many, '9');
    assert.deepEqual([chosen, printed.length], [many[8], 11]);
  });

  it('asks nothing without a camera', async () => {
    assert.deepEqual(await choose([], '1'), { chosen: null, printed: [] });
  });
});

describe('findCamera', () => {
  const denied = { address: '/dev/video2', code: 'camera-denied', message: 'permission denied.' } as const;
  const lists: CameraList[] = [
    { cameras: [USB], unusable: [denied] },
    { cameras: [RIBBON], unusable: [] },
  ];

  it('finds a camera by its address or its stable path', () => {
    assert.equal(findCamera(lists, '0'), RIBBON);
    assert.equal(findCamera(lists, '/dev/video0'), USB);
    assert.equal(findCamera(lists, '/dev/v4l/by-id/usb-HD_Webcam-video-index0'), USB);
  });

  it('states why a camera cannot be used', () => {
    assert.throws(() => findCamera(lists, '/dev/video2'), {
      code: 'calibrate-camera',
      message: '/dev/video2: permission denied.',
    });
    assert.throws(() => findCamera(lists, '7'), {
      message: '--camera: camera 7 not found. Cameras of this machine: /dev/video0, 0.',
    });
  });
});
