import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { SortbinCameraProcess } from '../../../../support/hardware/sortbin-camera.js';
import { buildWithFakeDevice, noCompiler } from './fake/build.js';
import {
  CALL,
  type DeviceOptions,
  ERRNO,
  FakeDevice,
  FLAGS,
  MJPG,
  SOURCE_CHANGE,
  YUYV,
} from './fake/fake-device.js';

/** Exit code of a sanitizer that found an error. */
const SANITIZER_EXIT = 99;
/** Time without a good frame at the start, and at a running stream. */
const TIMES = ['--start-ms', '60000', '--freeze-ms', '60000'];

const skip = await noCompiler();
let program = '';

interface Bench {
  readonly folder: string;
  readonly plug: (number: number, options?: DeviceOptions) => Promise<FakeDevice>;
  readonly run: (...words: string[]) => SortbinCameraProcess;
  /** Does not check the end of a program. */
  readonly ignore: (camera: SortbinCameraProcess) => void;
  /** Waits until a program ends with a fault. Returns its line. */
  readonly faultOf: (camera: SortbinCameraProcess) => Promise<string>;
}

const withBench = async (test: (bench: Bench) => Promise<void>) => {
  const folder = await mkdtemp(join(tmpdir(), 'sortbin-camera-'));
  const devices: FakeDevice[] = [];
  const cameras = new Set<SortbinCameraProcess>();
  try {
    await test({
      folder,
      plug: async (number, options) => {
        const device = await FakeDevice.plug(folder, number, options);
        devices.push(device);
        return device;
      },
      run: (...words) => {
        const exit = `exitcode=${SANITIZER_EXIT}`;
        const env = { FAKE_DEVICES: folder, ASAN_OPTIONS: exit, UBSAN_OPTIONS: exit };
        const camera = new SortbinCameraProcess(words, env, program);
        cameras.add(camera);
        return camera;
      },
      ignore: (camera) => cameras.delete(camera),
      faultOf: async (camera) => {
        const { line } = await camera.next('fault ');
        assert.equal(await camera.exited(), 1);
        cameras.delete(camera);
        return line.slice('fault '.length);
      },
    });
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
    const camera = bench.run('--skip', '0', ...TIMES, '/dev/video0', '640x480', '10');
    await device.started();
    device.send({ sequence: 0 });
    await camera.next('ready');
    await test({ ...bench, device, camera });
  });

/** `frame <ns> <sequence> <bytes>` without the time. */
const sequenceOf = (line: string) => Number(/^frame \d+ (\d+) \d+$/.exec(line)?.[1]);

describe('sortbin-camera with a fake device', { skip }, () => {
  before(async () => {
    program = await buildWithFakeDevice();
  });

  it('describes the stream of a JPEG camera', () =>
    withBench(async ({ plug, run }) => {
      const device = await plug(7, { card: 'Tést Cam\n', bus: 'usb 1' });
      const camera = run('--skip', '1', '/dev/video7', '640x480', '15');
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
      const camera = run('--skip', '0', '/dev/video0', '640x480', '15');
      await device.started();
      device.send({ sequence: 1, bytes: 72 * 8 - 1, start: [0, 0] });
      device.send({ sequence: 2, bytes: 72 * 8, start: [0, 0] });
      assert.match((await camera.next('ready')).line, /format=YUYV .* stride=72 colour=bt709-limited /);
      const { line, bytes } = await camera.send('after 0');
      assert.equal(sequenceOf(line), 2);
      assert.equal(bytes?.length, 72 * 8);
    }));

  it('uses only the wanted format', () =>
    withBench(async ({ plug, run, faultOf }) => {
      const device = await plug(0, { format: YUYV });
      await plug(1, { format: MJPG });
      const camera = run('--format', 'yuyv', '--skip', '0', '/dev/video0', '640x480', '15');
      await device.started();
      device.send({ sequence: 1, bytes: 72 * 8, start: [0, 0] });
      assert.match((await camera.next('ready')).line, /format=YUYV /);
      for (const [format, path] of [
        ['mjpeg', '/dev/video0'],
        ['yuyv', '/dev/video1'],
      ] as const)
        assert.equal(
          await faultOf(run('--format', format, path, '640x480', '15')),
          `unsupported ${path}: it does not offer this format`,
        );
    }));

  it('drops buffers that are no frames, and frames after the start', () =>
    withBench(async ({ plug, run }) => {
      const device = await plug(0);
      const camera = run('--skip', '2', '/dev/video0', '640x480', '15');
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
        const camera = run('--skip', '0', '/dev/video0', '640x480', '10');
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

  const implausible: readonly [string, (nowNs: bigint) => bigint][] = [
    ['in the future', (nowNs) => nowNs + 60_000_000_000n],
    ['older than 10 s', (nowNs) => nowNs - 11_000_000_000n],
    ['of 0', () => 0n],
  ];
  for (const [what, at] of implausible) {
    it(`uses the arrival of a frame with a time ${what}`, () =>
      withStream(async ({ device, camera }) => {
        const startNs = process.hrtime.bigint();
        const waiting = camera.start(`after ${startNs}`);
        const timer = setInterval(() => device.send({ sequence: 1, atNs: at(process.hrtime.bigint()) }), 20);
        try {
          const { line } = await camera.answer(waiting);
          const ns = BigInt(line.split(' ')[1] ?? 0);
          assert.ok(ns > startNs && ns < process.hrtime.bigint());
        } finally {
          clearInterval(timer);
        }
      }));
  }

  it('takes one interval from the arrival', () =>
    withStream(async ({ device, camera }) => {
      const waiting = camera.start(`after ${process.hrtime.bigint()}`);
      device.send({ sequence: 1, atNs: process.hrtime.bigint() + 60_000_000_000n });
      // Its time is now that of its arrival minus one interval, so it is not a frame after the request.
      device.send({ sequence: 2 });
      assert.equal(sequenceOf((await camera.answer(waiting)).line), 2);
    }));

  it('reports a camera that delivers no good frame after its start', () =>
    withBench(async ({ plug, run, faultOf }) => {
      const device = await plug(0);
      const camera = run('--start-ms', '300', '--freeze-ms', '60000', '/dev/video0', '640x480', '15');
      await device.started();
      device.send({ sequence: 1, bytes: 4 });
      assert.equal(await faultOf(camera), 'frozen /dev/video0: no good frame within 300 ms');
    }));

  it('reports a camera that stops delivering good frames', () =>
    withBench(async ({ plug, run, faultOf }) => {
      const device = await plug(0);
      const times = ['--start-ms', '60000', '--freeze-ms', '100'];
      const camera = run('--skip', '0', ...times, '/dev/video0', '640x480', '15');
      await device.started();
      device.send({ sequence: 1 });
      assert.equal(await faultOf(camera), 'frozen /dev/video0: no good frame within 100 ms');
    }));

  it('reports an I/O error', () =>
    withStream(async ({ device, camera, faultOf }) => {
      camera.start(`after ${process.hrtime.bigint()}`);
      device.send({ sequence: 1, errno: ERRNO.EIO });
      assert.equal(await faultOf(camera), 'failed /dev/video0: VIDIOC_DQBUF: Input/output error');
    }));

  for (const [what, options] of [
    ['the only input', {}],
    ['the third input', { input: 2 }],
  ] as const)
    it(`reports that the source of ${what} changed`, () =>
      withBench(async ({ plug, run, faultOf }) => {
        const device = await plug(0, options);
        const camera = run('--skip', '0', ...TIMES, '/dev/video0', '640x480', '10');
        await device.started();
        device.send({ sequence: 0 });
        await camera.next('ready');
        device.send({ sequence: 1, errno: SOURCE_CHANGE });
        assert.equal(await faultOf(camera), 'failed /dev/video0: the source format changed');
      }));

  it('reports that the frames became too short, but not for two frames', () =>
    withBench(async ({ plug, run, faultOf }) => {
      const device = await plug(0, { format: YUYV });
      const camera = run('--skip', '0', ...TIMES, '/dev/video0', '640x480', '15');
      await device.started();
      const sendBytes = (bytes: number) => device.send({ sequence: 1, bytes, start: [0, 0] });
      sendBytes(72 * 8);
      await camera.next('ready');
      for (const bytes of [500, 500, 72 * 8, 500, 500, 500]) sendBytes(bytes);
      assert.equal(await faultOf(camera), 'failed /dev/video0: the size of the frames changed');
    }));

  it('opens a device by its index', () =>
    withBench(async ({ plug, run, faultOf }) => {
      const device = await plug(12);
      const camera = run('--skip', '0', ...TIMES, '12', '640x480', '10');
      await device.started();
      device.send({ sequence: 0 });
      assert.match((await camera.next('ready')).line, / device=\/dev\/video12 /);
      assert.match(await faultOf(run('0', '640x480', '10')), /^missing \/dev\/video0: /);
    }));

  it('reports an unplugged camera', () =>
    withStream(async ({ device, camera, faultOf }) => {
      device.unplug();
      assert.match(await faultOf(camera), /^missing \/dev\/video0: VIDIOC_DQBUF: /);
    }));

  const failures: readonly [string, DeviceOptions, RegExp][] = [
    [
      'no permission',
      { failure: { call: CALL.open, errno: ERRNO.EACCES } },
      /^denied .*: Permission denied$/,
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
    it(`reports ${what}`, () =>
      withBench(async ({ plug, run, faultOf }) => {
        await plug(0, options);
        assert.match(await faultOf(run('/dev/video0', '640x480', '15')), expected);
      }));
  }

  it('sets the controls in their order, and reports those that it cannot set', () =>
    withBench(async ({ plug, run }) => {
      const device = await plug(0);
      const words = ['brightness=256', 'zoom=1', 'exposure_time_absolute=9', 'auto_exposure=1'];
      const camera = run(
        ...['--skip', '0', '/dev/video0', '640x480', '15'],
        ...words,
        'exposure_time_absolute=7',
        'focus=1',
        'brightness=103',
        'brightness=x',
        'brightness',
      );
      assert.equal((await camera.next('unset')).line, 'unset brightness 256 is not in 0 to 255');
      assert.equal((await camera.next('unset')).line, 'unset zoom it is read-only');
      assert.match((await camera.next('unset')).line, /^unset exposure_time_absolute it is inactive/);
      assert.equal((await camera.next('unset')).line, 'unset focus there is no such control');
      for (let count = 0; count < 2; count++)
        assert.equal(
          (await camera.next('unset')).line,
          'unset brightness it needs a whole number as its value',
        );
      await device.started();
      device.send({ sequence: 1 });
      await camera.next('ready');
      assert.deepEqual(await camera.controls(), [
        'brightness 100 0 255 5 128 -',
        'auto_exposure 1 0 3 1 3 -',
        'exposure_time_absolute 7 3 2047 1 0 -',
        'zoom 0 0 9 0 0 r',
      ]);
    }));

  it('lists all controls of a camera that has many', () =>
    withBench(async ({ plug, run }) => {
      const device = await plug(0, { moreControls: 100 });
      const camera = run('--skip', '0', '/dev/video0', '640x480', '15');
      await device.started();
      device.send({ sequence: 1 });
      await camera.next('ready');
      const controls = await camera.controls();
      assert.equal(controls.length, 4 + 100);
      assert.equal(controls.at(-1), 'another_control_105 0 0 2147483647 1 0 -');
    }));

  it('refuses malformed lines and continues', () =>
    withStream(async ({ camera }) => {
      const lines: readonly [string, number][] = [
        ['', 0],
        ['latest', 0],
        ['4294967296 latest', 0],
        ['-1 latest', 0],
        ['7x latest', 0],
        ['7', 7],
        ['7 ', 7],
        ['7 jump', 7],
        ['7 set gain=1', 7],
        ['7 latest now', 7],
        ['7  latest', 7],
        ['7 after', 7],
        ['7 after -1', 7],
        ['7 after 9223372036854775808', 7],
        ['7 after 1 2', 7],
        ['7 lat\0est', 7],
        ['7 latest\0', 7],
        ['9'.repeat(201), 0],
        [`7 after ${'0'.repeat(193)}1`, 7],
        [`7 latest${' '.repeat(10_000)}`, 7],
      ];
      for (const [line, id] of lines) {
        camera.write(`${line}\n`);
        const expected = `${id} error command the line is malformed`;
        assert.equal((await camera.next(`${id} `)).line, expected);
      }
      assert.equal(sequenceOf((await camera.send('latest')).line), 0);
    }));

  it('accepts a line of 200 bytes', () =>
    withStream(async ({ camera }) => {
      camera.write(`7 after ${'0'.repeat(192)}\n`);
      assert.equal(sequenceOf((await camera.answer(7)).line), 0);
    }));

  it('takes frames while a part of a line waits', () =>
    withStream(async ({ device, camera }) => {
      const waiting = camera.start(`after ${process.hrtime.bigint()}`);
      camera.write('7 lat');
      device.send({ sequence: 1 });
      assert.equal(sequenceOf((await camera.answer(waiting)).line), 1);
      camera.write('est\n');
      assert.equal(sequenceOf((await camera.answer(7)).line), 1);
    }));

  it('reports a frozen camera while a part of a line waits', () =>
    withBench(async ({ plug, run, faultOf }) => {
      const device = await plug(0);
      const camera = run('--skip', '0', '--freeze-ms', '500', '/dev/video0', '640x480', '15');
      await device.started();
      device.send({ sequence: 1 });
      await camera.next('ready');
      camera.write('7');
      assert.match(await faultOf(camera), /^frozen /);
    }));

  it('answers each of several lines that arrive together', () =>
    withStream(async ({ camera }) => {
      camera.write('1 after 0\n2 after 0\n3 latest\n');
      for (const id of [1, 2, 3]) assert.equal(sequenceOf((await camera.answer(id)).line), 0);
    }));

  it('accepts commands in any pieces', () =>
    withStream(async ({ camera }) => {
      for (const piece of ['41 la', 'test\n42 controls\n4', '3 latest\n']) {
        camera.write(piece);
        await new Promise((resolve) => setImmediate(resolve));
      }
      for (const [id, reply] of [
        [41, /^frame /],
        [42, /^control brightness /],
        [43, /^frame /],
      ] as const)
        assert.match((await camera.answer(id)).line, reply);
    }));

  it('replaces a waiting request by a newer one', () =>
    withStream(async ({ camera }) => {
      const first = camera.start('after 9223372036854775807');
      camera.start('after 9223372036854775806');
      assert.equal((await camera.answer(first)).line, 'error cancelled a newer after replaced it');
    }));

  it('exits with 0 at the end of its input, also within a line', () =>
    withStream(async ({ camera }) => {
      camera.write('1 lat');
      assert.equal(await camera.end(), 0);
    }));

  it('is ended by SIGALRM if its output is not read', () =>
    withStream(async ({ camera, ignore }) => {
      camera.child.stdout?.pause();
      camera.write('1 latest\n'.repeat(100_000));
      const [, signal] = await once(camera.child, 'exit');
      assert.equal(signal, 'SIGALRM');
      ignore(camera);
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
          'error /dev/video4 busy /dev/video4: Device or resource busy',
          'camera /dev/video10 driver=fake bus=usb-1 card=Second',
        ],
      );
      assert.ok(camera.lines().includes('control auto_exposure 0 0 3 1 3 -'));
    }));
});
