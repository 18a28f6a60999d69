/** sortbin-camera with the V4L2 device of fake/device.c. test/hardware/fuzz.sh builds the program and runs this file. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { SortbinCameraProcess } from '../../../../support/hardware/sortbin-camera.js';
import { CALL, type DeviceOptions, ERRNO, FakeDevice, FLAGS, MJPG, YUYV } from './fake/fake-device.js';

interface Bench {
  readonly folder: string;
  readonly plug: (number: number, options?: DeviceOptions) => Promise<FakeDevice>;
  readonly run: (...words: string[]) => SortbinCameraProcess;
}

const withBench = async (test: (bench: Bench) => Promise<void>) => {
  const folder = await mkdtemp(join(tmpdir(), 'sortbin-camera-'));
  const devices: FakeDevice[] = [];
  const cameras: SortbinCameraProcess[] = [];
  try {
    await test({
      folder,
      plug: async (number, options) => {
        const device = await FakeDevice.plug(folder, number, options);
        devices.push(device);
        return device;
      },
      run: (...words) => {
        const camera = new SortbinCameraProcess(words, { FAKE_DEVICES: folder });
        cameras.push(camera);
        return camera;
      },
    });
    // A sanitizer would have ended it with another code.
    for (const camera of cameras) assert.equal(await camera.end(), 0);
  } finally {
    for (const camera of cameras) camera.child.kill('SIGKILL');
    for (const device of devices) device.unplug();
    await rm(folder, { recursive: true });
  }
};

/** Runs a test with a stream that is ready. Its first frame has the sequence 0. */
const withStream = (
  test: (parts: Bench & { device: FakeDevice; camera: SortbinCameraProcess }) => Promise<void>,
) =>
  withBench(async (bench) => {
    const device = await bench.plug(0);
    const camera = bench.run('--skip', '0', '--freeze-ms', '60000', '0', '640x480', '10');
    await device.started();
    device.send({ sequence: 0 });
    await camera.next('ready');
    await test({ ...bench, device, camera });
  });

/** `frame <ns> <sequence> <bytes>` without the time. */
const sequenceOf = (line: string) => Number(/^frame \d+ (\d+) \d+$/.exec(line)?.[1]);

describe('sortbin-camera with a fake device', () => {
  it('describes the stream of a JPEG camera', () =>
    withBench(async ({ plug, run }) => {
      const device = await plug(7, { card: 'Tést Cam\n', bus: 'usb 1' });
      const camera = run('--skip', '1', '7', '640x480', '15');
      await device.started();
      device.send({ sequence: 1 });
      device.send({ sequence: 2 });
      assert.equal(
        (await camera.next('ready')).line,
        'ready format=MJPG width=32 height=8 stride=0 colour=jpeg fps=15 clock=soe device=/dev/video7 ' +
          'driver=fake bus=usb_1 card=T_st Cam_',
      );
      assert.equal(sequenceOf((await camera.send('latest')).line), 2);
    }));

  it('describes the stream of a YUYV camera, and drops a frame that is too short', () =>
    withBench(async ({ plug, run }) => {
      const device = await plug(0, { format: YUYV });
      const camera = run('--skip', '0', '0', '640x480', '15');
      await device.started();
      device.send({ sequence: 1, bytes: 72 * 8 - 1, start: [0, 0] });
      device.send({ sequence: 2, bytes: 72 * 8, start: [0, 0] });
      assert.match((await camera.next('ready')).line, /format=YUYV .* stride=72 colour=bt709-limited /);
      const { line, bytes } = await camera.send('after 0');
      assert.equal(sequenceOf(line), 2);
      assert.equal(bytes?.length, 72 * 8);
    }));

  it('uses only the wanted format', () =>
    withBench(async ({ plug, run }) => {
      const device = await plug(0, { format: YUYV });
      await plug(1, { format: MJPG });
      const camera = run('--format', 'yuyv', '--skip', '0', '0', '640x480', '15');
      await device.started();
      device.send({ sequence: 1, bytes: 72 * 8, start: [0, 0] });
      assert.match((await camera.next('ready')).line, /format=YUYV /);
      for (const [format, number] of [
        ['mjpeg', '0'],
        ['yuyv', '1'],
      ] as const)
        assert.equal(
          (await run('--format', format, number, '640x480', '15').next('fault')).line,
          `fault unsupported /dev/video${number}: it does not offer this format`,
        );
    }));

  it('drops buffers that are no frames, and frames after the start', () =>
    withBench(async ({ plug, run }) => {
      const device = await plug(0);
      const camera = run('--skip', '2', '0', '640x480', '15');
      await device.started();
      device.send({ sequence: 1, bytes: 4096, start: [0, 0, 0] });
      device.send({ sequence: 2, flags: FLAGS.monotonic | FLAGS.error });
      device.send({ sequence: 3, bytes: 0 });
      device.send({ sequence: 4, bytes: 127 });
      assert.equal((await camera.send('latest')).line, 'error none there is no frame yet');
      for (const sequence of [5, 6, 7]) device.send({ sequence, bytes: 128 });
      await camera.next('ready');
      assert.equal(sequenceOf((await camera.send('after 0')).line), 7);
    }));

  it('sends the first frame after a time, with its bytes', () =>
    withStream(async ({ device, camera }) => {
      const atNs = (process.hrtime.bigint() / 1000n) * 1000n;
      const waiting = camera.start(`after ${atNs}`);
      device.send({ sequence: 1, atNs });
      device.send({ sequence: 2, atNs: atNs + 1000n, bytes: 3000, start: [0xff, 0xd8, 7] });
      device.send({ sequence: 3, atNs: atNs + 2000n });
      const { line, bytes } = await camera.answer(waiting);
      assert.equal(line, `frame ${atNs + 1000n} 2 3000`);
      assert.deepEqual([...(bytes?.subarray(0, 4) ?? [])], [0xff, 0xd8, 7, 0]);
      assert.ok(bytes?.subarray(8).every((byte) => byte === 0xee));
    }));

  it('holds the newest two frames', () =>
    withStream(async ({ device, camera }) => {
      for (let sequence = 1; sequence <= 50; sequence++) {
        device.send({ sequence });
        await camera.answer(camera.start(`after 0`));
      }
      const waiting = camera.start(`after ${process.hrtime.bigint()}`);
      device.send({ sequence: 51 });
      await camera.answer(waiting);
      assert.equal(sequenceOf((await camera.send('after 0')).line), 50);
      assert.equal(sequenceOf((await camera.send('latest')).line), 51);
    }));

  const clocks: readonly [string, number, string][] = [
    ['the start of a frame', FLAGS.monotonic | FLAGS.startOfExposure, 'soe'],
    ['the end of a frame', FLAGS.monotonic, 'eof'],
    ['another clock', FLAGS.startOfExposure, 'arrival'],
  ];
  for (const [what, flags, clock] of clocks) {
    it(`converts the time of ${what}`, () =>
      withBench(async ({ plug, run }) => {
        const device = await plug(0);
        const camera = run('--skip', '0', '0', '640x480', '10');
        await device.started();
        const atNs = (process.hrtime.bigint() / 1000n) * 1000n;
        device.send({ sequence: 1, flags, atNs });
        assert.match((await camera.next('ready')).line, new RegExp(` clock=${clock} `));
        const found = BigInt((await camera.send('latest')).line.split(' ')[1] ?? 0);
        if (clock === 'soe') assert.equal(found, atNs);
        if (clock === 'eof') assert.equal(found, atNs - 100_000_000n);
        if (clock === 'arrival') assert.ok(found >= atNs - 100_000_000n && found < process.hrtime.bigint());
      }));
  }

  it('does not use a time in the future', () =>
    withStream(async ({ device, camera }) => {
      const waiting = camera.start(`after ${process.hrtime.bigint()}`);
      device.send({ sequence: 1, atNs: process.hrtime.bigint() + 60_000_000_000n });
      // Its time is now that of its arrival minus one interval, so it is not a frame after the request.
      device.send({ sequence: 2 });
      assert.equal(sequenceOf((await camera.answer(waiting)).line), 2);
    }));

  it('reports a camera that delivers no good frame, and starts it again', () =>
    withBench(async ({ plug, run }) => {
      const device = await plug(0);
      const camera = run('--skip', '0', '--start-ms', '300', '--freeze-ms', '100', '0', '640x480', '15');
      assert.equal(
        (await camera.next('fault')).line,
        'fault frozen /dev/video0: no good frame within 300 ms',
      );
      const waiting = camera.start('after 0');
      await device.started();
      for (;;) {
        device.send({ sequence: 1 });
        const outputs = camera.lines();
        if (outputs.some((line) => line.startsWith('ready'))) break;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      assert.equal(sequenceOf((await camera.answer(waiting)).line), 1);
      assert.equal(
        (await camera.next('fault')).line,
        'fault frozen /dev/video0: no good frame within 100 ms',
      );
    }));

  it('opens the device again after an I/O error', () =>
    withStream(async ({ device, camera }) => {
      device.send({ sequence: 1, errno: ERRNO.EIO });
      assert.match((await camera.next('fault')).line, /^fault failed .*: VIDIOC_DQBUF: Input\/output error$/);
      assert.match((await camera.send('latest')).line, /^error down .*DQBUF/);
      const waiting = camera.start('after 0');
      await device.started();
      device.send({ sequence: 2 });
      await camera.next('ready');
      assert.equal(sequenceOf((await camera.answer(waiting)).line), 2);
    }));

  it('finds an unplugged camera at the same number', () =>
    withStream(async ({ device, camera, plug }) => {
      const waiting = camera.start(`after ${process.hrtime.bigint()}`);
      device.unplug();
      assert.match((await camera.next('fault')).line, /^fault missing \/dev\/video0: /);
      const again = await plug(0);
      await again.started();
      again.send({ sequence: 5 });
      await camera.next('ready');
      assert.equal(sequenceOf((await camera.answer(waiting)).line), 5);
    }));

  it('refuses another camera at its path, and finds its camera at another number', () =>
    withStream(async ({ device, camera, plug }) => {
      device.unplug();
      await plug(0, { card: 'Other Camera' });
      while (
        (await camera.next('fault')).line !== 'fault missing /dev/video0 is another camera now: Other Camera'
      );
      await plug(1, { bus: 'usb-2' });
      const again = await plug(2);
      await again.started();
      again.send({ sequence: 5 });
      assert.match((await camera.next('ready')).line, / device=\/dev\/video2 /);
    }));

  const failures: readonly [string, DeviceOptions, RegExp][] = [
    [
      'no permission',
      { failure: { call: CALL.open, errno: ERRNO.EACCES } },
      /^denied .*: open: Permission denied$/,
    ],
    [
      'a device in use',
      { failure: { call: CALL.setFormat, errno: ERRNO.EBUSY } },
      /^busy .*: VIDIOC_S_FMT: /,
    ],
    [
      'no memory bandwidth',
      { failure: { call: CALL.streamOn, errno: ERRNO.ENOSPC } },
      /^failed .*: VIDIOC_STREAMON: /,
    ],
    [
      'no buffers',
      { failure: { call: CALL.requestBuffers, errno: ERRNO.EBUSY } },
      /^busy .*: VIDIOC_REQBUFS: /,
    ],
    ['another format', { format: 0x34363248 }, /^unsupported .*: it offers neither MJPG nor YUYV$/],
    ['a device that cannot capture', { canCapture: false }, /^missing .*: not a capture device$/],
    ['a device that cannot stream', { canStream: false }, /^unsupported .*: it cannot stream$/],
  ];
  for (const [what, options, expected] of failures) {
    it(`reports ${what}, and tries again`, () =>
      withBench(async ({ plug, run }) => {
        const device = await plug(0, options);
        const camera = run('--skip', '0', '0', '640x480', '15');
        assert.match((await camera.next('fault ')).line.slice('fault '.length), expected);
        device.unplug();
        const again = await plug(0);
        await again.started();
        again.send({ sequence: 1 });
        await camera.next('ready');
      }));
  }

  it('sets the controls in their order, and reports those that it cannot set', () =>
    withBench(async ({ plug, run }) => {
      const device = await plug(0);
      const words = ['brightness=256', 'zoom=1', 'exposure_time_absolute=9', 'auto_exposure=1'];
      const camera = run(
        '--skip',
        '0',
        '0',
        '640x480',
        '15',
        ...words,
        'exposure_time_absolute=7',
        'focus=1',
      );
      assert.equal((await camera.next('unset')).line, 'unset brightness 256 is not in 0 to 255');
      assert.equal((await camera.next('unset')).line, 'unset zoom it is read-only');
      assert.match((await camera.next('unset')).line, /^unset exposure_time_absolute it is inactive/);
      assert.equal((await camera.next('unset')).line, 'unset focus there is no such control');
      await device.started();
      device.send({ sequence: 1 });
      await camera.next('ready');
      assert.equal((await camera.send('set brightness=103')).line, 'ok 100');
      assert.match(
        (await camera.send('set brightness=-1')).line,
        /^error control brightness: -1 is not in 0 to 255$/,
      );
      assert.equal(
        (await camera.send('controls')).line,
        'ok brightness=100,0,255,5,128,- auto_exposure=1,0,3,1,3,- exposure_time_absolute=7,3,2047,1,0,- zoom=0,0,9,0,0,r',
      );
    }));

  it('lists the devices in the order of their numbers', () =>
    withBench(async ({ plug, run }) => {
      await plug(10, { card: 'Second' });
      await plug(2, { card: 'First' });
      await plug(3, { canCapture: false });
      await plug(4, { failure: { call: CALL.open, errno: ERRNO.EBUSY } });
      const camera = run('--list');
      assert.equal(await camera.exited(), 0);
      assert.deepEqual(
        camera.lines().filter((line) => !line.startsWith('control ')),
        [
          'camera /dev/video2 driver=fake bus=usb-1 card=First',
          'error /dev/video4 busy /dev/video4: open: Device or resource busy',
          'camera /dev/video10 driver=fake bus=usb-1 card=Second',
        ],
      );
      assert.ok(camera.lines().includes('control auto_exposure 0 0 3 1 3 -'));
    }));
});
