import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { sortbinCameraPath } from '../support/hardware/sortbin-camera.js';
import { until } from '../support/until.js';
import { CameraPrograms, faultOf, frameAfter, frames, latestFrame, ready } from './guest/camera-programs.js';
import { EMPTY, GARBAGE, JPEG, numbered, numberOf, TRUNCATED, WITHOUT_TABLES } from './guest/jpegs.js';
import { Loopback } from './guest/loopback.js';

const DEADLINE_MS = 60_000;
const OPTIONS = { timeout: 2 * DEADLINE_MS };
const SUITE = { timeout: 1_200_000 };
const TIMES = ['--freeze-ms', '3000', '--start-ms', '30000'];
const PICTURE = ['640x480', '10'];

describe('sortbin-camera with v4l2loopback', SUITE, () => {
  const programs = new CameraPrograms();
  let loopback: Loopback;
  beforeEach(() => {
    loopback = Loopback.create();
  });
  afterEach(async () => {
    await programs.end();
    await until('the device is free', () => loopback.unplug(), DEADLINE_MS);
  });
  const start = (...more: string[]) => programs.start(...TIMES, ...more, loopback.device, ...PICTURE);
  const streaming = async (...more: string[]) => {
    const camera = start(...more);
    await ready(camera);
    return camera;
  };
  const list = () => execFileSync(sortbinCameraPath(), ['--list'], { encoding: 'utf8' });

  it('reports MJPG', OPTIONS, async () => {
    loopback.feed(() => JPEG);
    const { format, width, height, stride, colour, clock, card } = await ready(start());
    assert.deepEqual(
      { format, width, height, stride, colour, clock, card },
      {
        format: 'MJPG',
        width: '640',
        height: '480',
        stride: '0',
        colour: 'jpeg',
        clock: 'arrival',
        card: loopback.card,
      },
    );
  });

  it('lists the camera while it is one', OPTIONS, () => {
    assert.equal(list(), '');
    loopback.feed(() => JPEG);
    assert.match(list(), /^camera \/dev\/video7 .*\nsize MJPG 640x480 /);
  });

  const whole = { JPEG, WITHOUT_TABLES, TRUNCATED };
  for (const [name, image] of Object.entries(whole))
    it(`passes frames unchanged: ${name}`, OPTIONS, async () => {
      loopback.feed(() => image);
      const all = await frames(await streaming(), 3);
      assert.ok(all.every(({ bytes }) => bytes.equals(image)));
    });

  it('passes identical frames as new ones', OPTIONS, async () => {
    loopback.feed(() => JPEG);
    const [first, second] = await frames(await streaming(), 2);
    assert.ok(first && second && first.bytes.equals(second.bytes));
    assert.ok(second.ns > first.ns);
  });

  it('sends frames in their order, and the newest for latest', OPTIONS, async () => {
    loopback.feed((number) => numbered(number));
    const camera = await streaming();
    const numbers = (await frames(camera, 5)).map(({ bytes }) => numberOf(bytes));
    assert.ok(numbers.every((number, index) => index === 0 || number > (numbers[index - 1] ?? 0)));
    assert.ok(numberOf((await latestFrame(camera)).bytes) >= (numbers.at(-1) ?? 0));
  });

  it('does not deliver the buffers whose length is lost at the start', OPTIONS, async () => {
    loopback.feed(() => JPEG);
    const { bytes } = await frameAfter(start(), 0n);
    assert.ok(bytes.equals(JPEG));
  });

  for (const [name, image] of Object.entries({ GARBAGE, EMPTY, SHORT: JPEG.subarray(0, 100) })) {
    it(`takes other frames between useless ones: ${name}`, OPTIONS, async () => {
      loopback.feed((number) => (number % 2 ? image : JPEG));
      const all = await frames(await streaming(), 4);
      assert.ok(all.every(({ bytes }) => bytes.equals(JPEG)));
    });

    it(`reports that it is frozen if all frames are useless: ${name}`, OPTIONS, async () => {
      let useless = false;
      loopback.feed(() => (useless ? image : JPEG));
      const camera = await streaming();
      useless = true;
      assert.equal((await faultOf(camera)).code, 'frozen');
    });
  }

  it(
    'reports that the frames ended, then that it is no camera, and works when they are back',
    OPTIONS,
    async () => {
      loopback.feed(() => JPEG);
      const camera = await streaming();
      loopback.stop();
      assert.equal((await faultOf(camera)).code, 'frozen');
      assert.equal((await faultOf(start())).code, 'missing');
      loopback.feed(() => JPEG, { width: 320, height: 240 });
      assert.equal((await ready(start())).width, '320');
    },
  );

  it('keeps the module in use while it streams, and not after', OPTIONS, async () => {
    loopback.feed(() => JPEG);
    const camera = await streaming();
    assert.equal(loopback.unplug(), false);
    assert.equal((await faultOf(camera)).code, 'frozen');
    await until('the module is removed', () => loopback.unplug(), DEADLINE_MS);
    assert.equal((await faultOf(start())).code, 'missing');
    loopback.plug();
    loopback.feed(() => JPEG);
    assert.equal((await frames(await streaming(), 2)).length, 2);
  });

  it('ends at the end of its input while no frame comes', OPTIONS, async () => {
    loopback.feed(() => JPEG);
    const camera = await streaming('--freeze-ms', '600000');
    loopback.stop();
    assert.equal(await camera.end(), 0);
  });
});
