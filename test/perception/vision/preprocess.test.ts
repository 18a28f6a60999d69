import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import sharp from 'sharp';
import { sha256Of } from '../../../device/perception/inference/bundle/files.js';
import { decode } from '../../../device/perception/vision/decode.js';
import { centreCrop, findRegion, resize } from '../../../device/perception/vision/preprocess.js';
import type { DecodedImage } from '../../../device/perception/vision/raw.js';
import { factoryBundle, factoryInput, factoryInputBytes } from '../../support/bundle-copy.js';

const golden = join(factoryBundle(), 'golden');
const jpeg = await readFile(join(golden, 'cardboard226.jpg'));

const decoded = async (bytes: Uint8Array): Promise<DecodedImage> => {
  const answer = await decode(bytes);
  assert.ok(answer.ok, answer.ok ? '' : answer.fault.message);
  return answer.value;
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
