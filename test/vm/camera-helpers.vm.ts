import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { until } from '../support/until.js';
import { EMPTY, GARBAGE, JPEG, numbered, numberOf, TRUNCATED, WITHOUT_TABLES } from './guest/jpegs.js';
import { Loopback } from './guest/loopback.js';
import { capture, HeldCamera, v4l2Ctl } from './guest/v4l2-ctl.js';
import { Vivid } from './guest/vivid.js';

const SUITE = { timeout: 1_200_000 };
const BUFFER_BYTES = 1_228_800;

describe('simulated camera vivid', SUITE, () => {
  const vivid = new Vivid();
  beforeEach(() => {
    vivid.create();
  });
  afterEach(() => vivid.remove());

  it('delivers frames of the requested size', async () => {
    v4l2Ctl(vivid.device, '--set-fmt-video=width=320,height=180,pixelformat=YUYV');
    const frames = await capture(vivid.device, 3);
    assert.deepEqual(
      frames.map(({ length }) => length),
      [115_200, 115_200, 115_200],
    );
  });

  it('stores controls', () => {
    vivid.set('brightness', 77);
    assert.equal(vivid.get('brightness'), 77);
  });

  it('is refused to others while a program holds it', async () => {
    const holder = await HeldCamera.hold(vivid.device);
    try {
      assert.match(v4l2Ctl(vivid.device, '--set-fmt-video=width=320,height=180'), /busy/);
    } finally {
      await holder.release();
    }
    assert.doesNotMatch(v4l2Ctl(vivid.device, '--set-fmt-video=width=320,height=180'), /busy/);
  });

  it('is gone while it is unplugged, also if a program uses it', async () => {
    const holder = await HeldCamera.hold(vivid.device);
    vivid.unplug();
    assert.equal(existsSync(vivid.device), false);
    await holder.release();
    vivid.plug();
    assert.equal((await capture(vivid.device, 1)).length, 1);
  });
});

describe('simulated camera v4l2loopback', SUITE, () => {
  let loopback: Loopback;
  beforeEach(() => {
    loopback = Loopback.create();
  });
  afterEach(() => until('the device is free', () => loopback.unplug()));

  const isCamera = () => /^\t+Video Capture$/m.test(v4l2Ctl(loopback.device, '-D'));

  it('is a camera while frames are written', () => {
    assert.equal(isCamera(), false);
    loopback.feed(() => JPEG);
    assert.equal(isCamera(), true);
    loopback.stop();
    assert.equal(isCamera(), false);
    loopback.feed(() => JPEG);
    assert.equal(isCamera(), true);
  });

  const shapes = { JPEG, WITHOUT_TABLES, TRUNCATED, GARBAGE };
  for (const [name, frame] of Object.entries(shapes))
    it(`passes frames unchanged: ${name}`, async () => {
      loopback.feed(() => frame);
      const frames = await capture(loopback.device, 6);
      // The first ones may have the length of their buffer: the kernel loses the length when a reader starts.
      const whole = frames.filter(({ length }) => length < BUFFER_BYTES);
      assert.ok(whole.length > 0 && whole.every((captured) => captured.equals(frame)));
    });

  it('passes empty buffers', async () => {
    loopback.feed((number) => (number % 2 ? EMPTY : JPEG));
    const reader = await HeldCamera.hold(loopback.device);
    const hasRead = (length: number) => reader.lengths.includes(length);
    try {
      await until('an empty and a whole buffer', () => hasRead(0) && hasRead(JPEG.length), 60_000);
    } finally {
      await reader.release();
    }
  });

  it('passes frames in their order', async () => {
    loopback.feed((number) => numbered(number));
    const numbers = (await capture(loopback.device, 6)).map(numberOf);
    assert.ok(numbers.slice(1).every((number, index) => number > (numbers[index] ?? 0)));
  });
});
