import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import pino from 'pino';
import sharp from 'sharp';
import type { Frame, FrameFormat } from '../../../device/hardware/camera/camera.js';
import { SystemClock } from '../../../device/kit/clock.js';
import { FrameInspector } from '../../../device/perception/vision/frame-inspector.js';
import { SAMPLES } from '../../support/bin.js';
import { childrenOf } from '../../support/processes.js';

const patient = () => AbortSignal.timeout(20_000);
const sample = await readFile(join(SAMPLES, 'paper/paper18.jpg'));
const frameOf = (bytes: Uint8Array, format?: FrameFormat): Frame => ({
  ...{ id: 'f', bytes, capturedAtMs: 0, capturedAtWallMs: 0 },
  ...(format ? { format } : {}),
});

const make = (t: TestContext) => {
  const inspector = new FrameInspector({ clock: new SystemClock(), log: pino({ level: 'silent' }) });
  t.after(() => inspector.close());
  return inspector;
};

/** Red in the left half, blue in the right half: 64 x 32 pixels. */
const redAndBlue = frameOf(
  Uint8Array.from(
    { length: 64 * 32 * 2 },
    (_, at) => (at % 128 < 64 ? [76, 85, 76, 255] : [29, 255, 29, 107])[at % 4] ?? 0,
  ),
  { kind: 'yuyv', width: 64, height: 32, strideBytes: 128, colour: 'bt601-full' },
);

test('measures a frame without a model, and finds that a blurred one is less sharp', async (t) => {
  const inspector = make(t);
  const sharpOne = await inspector.inspect(frameOf(sample), patient());
  const blurred = await sharp(sample).blur(4).jpeg().toBuffer();
  const blurredOne = await inspector.inspect(frameOf(blurred), patient());
  assert.ok(sharpOne.ok && blurredOne.ok);
  const { width, height, sharpness, meanLuma, darkShare, brightShare } = sharpOne.value;
  assert.deepEqual([width, height], [512, 384]);
  assert.ok(sharpness > 4 * blurredOne.value.sharpness);
  assert.ok(meanLuma > 50 && meanLuma < 250);
  assert.ok(darkShare < 0.1 && brightShare < 0.5);
});

test('encodes a raw frame as a JPEG file with its colours', async (t) => {
  const answer = await make(t).toJpeg(redAndBlue, patient());
  assert.ok(answer.ok);
  const { data, info } = await sharp(answer.value).raw().toBuffer({ resolveWithObject: true });
  assert.deepEqual([info.format, info.width, info.height], ['raw', 64, 32]);
  const pixel = (column: number) => [...data.subarray((16 * 64 + column) * 3, (16 * 64 + column) * 3 + 3)];
  const [red = 0, , noBlue = 255] = pixel(10);
  const [noRed = 255, , blue = 0] = pixel(54);
  assert.ok(red > 220 && noBlue < 30 && noRed < 30 && blue > 220, `${pixel(10)} and ${pixel(54)}`);
});

test('scales a frame down that is larger than the limit, and no other one', async (t) => {
  const inspector = make(t);
  const sizeWith = async (maxSide: number) => {
    const answer = await inspector.toJpeg(redAndBlue, patient(), maxSide);
    assert.ok(answer.ok);
    const { width, height } = await sharp(answer.value).metadata();
    return [width, height];
  };
  assert.deepEqual(await sizeWith(16), [16, 8]);
  assert.deepEqual(await sizeWith(640), [64, 32]);
});

test('reports a broken frame, and starts another process if the first one ended', async (t) => {
  const inspector = make(t);
  const broken = await inspector.inspect(frameOf(sample.subarray(0, 500)), patient());
  assert.equal(!broken.ok && broken.fault.code, 'picture-broken');
  const before = new Set(childrenOf());
  for (const pid of before) process.kill(pid, 'SIGKILL');
  const hit = await inspector.inspect(frameOf(sample), patient());
  assert.ok(hit.ok || hit.fault.code === 'vision-died');
  const next = await inspector.inspect(frameOf(sample), patient());
  assert.ok(next.ok);
});

test('a process that does not answer is killed at the deadline', async (t) => {
  const inspector = make(t);
  assert.ok((await inspector.inspect(frameOf(sample), patient())).ok);
  for (const pid of childrenOf()) process.kill(pid, 'SIGSTOP');
  const late = await inspector.toJpeg(redAndBlue, AbortSignal.timeout(50));
  assert.equal(!late.ok && late.fault.code, 'vision-timeout');
  assert.ok((await inspector.toJpeg(redAndBlue, patient())).ok);
});

test('answers that it is closed', async () => {
  const inspector = new FrameInspector({ clock: new SystemClock(), log: pino({ level: 'silent' }) });
  await inspector.close();
  const answer = await inspector.inspect(frameOf(sample), patient());
  assert.equal(!answer.ok && answer.fault.code, 'vision-down');
});
