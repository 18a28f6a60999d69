import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import sharp from 'sharp';
import { sha256Of } from '../../../device/perception/inference/bundle/files.js';
import {
  centreCrop,
  decode,
  findRegion,
  isBlank,
  resize,
} from '../../../device/perception/vision/preprocess.js';
import type { DecodedImage } from '../../../device/perception/vision/raw.js';
import { factoryBundle, factoryInput, factoryInputBytes } from '../../support/bundle-copy.js';

const golden = join(factoryBundle(), 'golden');
const jpeg = await readFile(join(golden, 'cardboard226.jpg'));

const decoded = async (bytes: Uint8Array): Promise<DecodedImage> => {
  const answer = await decode(bytes);
  assert.ok(answer.ok, answer.ok ? '' : answer.fault.message);
  return answer.value;
};

const isBroken = async (bytes: Uint8Array, message: RegExp) => {
  const answer = await decode(bytes);
  assert.ok(!answer.ok);
  assert.equal(answer.fault.code, 'picture-broken');
  assert.match(answer.fault.message, message);
};

const inputOf = async (bytes: Uint8Array) => {
  const image = await decoded(bytes);
  return resize(image, findRegion(image), factoryInput);
};

test('the inputs of the golden images are byte-identical to those of training', async () => {
  const { inputs } = JSON.parse(await readFile(join(golden, 'inputs.json'), 'utf8')) as {
    inputs: { file?: string; inputSha256: string }[];
  };
  const images = inputs.filter(({ file }) => file !== undefined);
  assert.equal(images.length, 6);
  for (const { file = '', inputSha256 } of images) {
    assert.equal(sha256Of(await inputOf(await readFile(join(golden, file)))), inputSha256, file);
  }
});

test('a PNG and a lossless WebP of the same image give the same input', async () => {
  const expected = await inputOf(jpeg);
  assert.deepEqual(await inputOf(await sharp(jpeg).png({ compressionLevel: 1 }).toBuffer()), expected);
  assert.deepEqual(await inputOf(await sharp(jpeg).webp({ lossless: true, effort: 0 }).toBuffer()), expected);
});

test('the alpha channel is removed', async () => {
  const withAlpha = await sharp(jpeg).ensureAlpha(0.25).png({ compressionLevel: 1 }).toBuffer();
  assert.deepEqual(await inputOf(withAlpha), await inputOf(jpeg));
});

test('a greyscale image has three equal channels', async () => {
  const grey = await decoded(await sharp(jpeg).greyscale().jpeg().toBuffer());
  assert.equal(grey.data.length, grey.width * grey.height * 3);
  for (let at = 0; at < grey.data.length; at += 3001 * 3) {
    assert.equal(grey.data[at], grey.data[at + 1]);
    assert.equal(grey.data[at], grey.data[at + 2]);
  }
});

test('16 bits per channel, a palette and CMYK are converted to 8 bits of RGB', async () => {
  const image = sharp(jpeg).resize(40, 30);
  for (const bytes of [
    await image.clone().toColourspace('rgb16').png().toBuffer(),
    await image.clone().png({ palette: true }).toBuffer(),
    await image.clone().toColourspace('cmyk').jpeg().toBuffer(),
  ]) {
    const { data, width, height } = await decoded(bytes);
    assert.deepEqual([width, height, data.length], [40, 30, 40 * 30 * 3]);
  }
});

test('refuses a truncated JPEG, PNG and WebP', async () => {
  const half = (bytes: Uint8Array) => bytes.subarray(0, bytes.length >> 1);
  await isBroken(half(jpeg), /cannot be decoded/);
  await isBroken(half(await sharp(jpeg).png().toBuffer()), /cannot be decoded/);
  await isBroken(half(await sharp(jpeg).webp().toBuffer()), /cannot be decoded/);
  await isBroken(jpeg.subarray(0, 3), /cannot be decoded/);
});

test('refuses a header that announces a huge image', async () => {
  const png = await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } })
    .png()
    .toBuffer();
  png.writeUInt32BE(60_000, 16);
  png.writeUInt32BE(60_000, 20);
  png.writeUInt32BE(crc32(png.subarray(12, 29)), 29);
  await isBroken(png, /exceeds pixel limit/);
  const bomb = await sharp(jpeg).jpeg().toBuffer();
  const frame = bomb.indexOf(Buffer.from([0xff, 0xc0]));
  bomb.writeUInt16BE(60_000, frame + 5);
  bomb.writeUInt16BE(60_000, frame + 7);
  await isBroken(bomb, /exceeds pixel limit/);
});

test('refuses all other formats without decoding them', async () => {
  const svg =
    '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>';
  const gif = await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } })
    .gif()
    .toBuffer();
  for (const bytes of [Buffer.from('hello'), Buffer.alloc(0), Buffer.alloc(100), Buffer.from(svg), gif]) {
    await isBroken(bytes, /is not a JPEG, PNG or WebP file/);
  }
});

test('refuses an image with too many bytes', async () => {
  const large = Buffer.alloc((32 << 20) + 1);
  jpeg.copy(large);
  await isBroken(large, /33554433 bytes\) is larger than 33554432 bytes/);
});

test('calculates centre crops', () => {
  assert.deepEqual(centreCrop([0, 0, 640, 480], 1), [0, 0, 640, 480]);
  assert.deepEqual(centreCrop([0, 0, 640, 480], 0.75), [80, 60, 480, 360]);
  assert.deepEqual(centreCrop([100, 50, 5, 5], 0.5), [101, 51, 3, 3]);
  assert.deepEqual(centreCrop([7, 9, 1, 1], 0.1), [7, 9, 1, 1]);
});

test('resizes only the selected part of the image', async () => {
  const data = Buffer.alloc(4 * 2 * 3);
  for (const y of [0, 1]) data.fill(200, (y * 4 + 2) * 3, (y * 4 + 4) * 3);
  const right = await resize({ data, width: 4, height: 2 }, [2, 0, 2, 2], factoryInput);
  assert.equal(right.length, factoryInputBytes);
  assert.ok(right.every((value) => value === 200));
});

test('one colour and faint noise are blank, but a faint pattern and a photograph are not', async () => {
  const even = (value: number) => Buffer.alloc(factoryInputBytes, value);
  const pattern = (step: number) => even(100).map((value, at) => value + (Math.floor(at / 3) % 2) * step);
  assert.equal(isBlank(even(0)), true);
  assert.equal(isBlank(even(255)), true);
  assert.equal(isBlank(pattern(2)), true);
  assert.equal(isBlank(pattern(6)), false);
  assert.equal(isBlank(await inputOf(jpeg)), false);
});
