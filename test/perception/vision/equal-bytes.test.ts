import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { packageRoot } from '../../../device/kit/root.js';
import { sha256Of } from '../../../device/perception/inference/bundle/files.js';
import { decode } from '../../../device/perception/vision/decode.js';
import { centreCrop, findRegion, resize } from '../../../device/perception/vision/preprocess.js';
import type { DecodedImage } from '../../../device/perception/vision/raw.js';

/**
 * Images, with the sha256 of the model input that training makes of them. Made by `python -m
 * training.tests.make_expectations`.
 */
interface Expectations {
  readonly side: number;
  readonly pictures: readonly { readonly file: string; readonly inputSha256: Record<string, string> }[];
}

const FOLDER = join(packageRoot(), 'test', 'perception', 'vision', 'expectations');
const EXPECTATIONS = 'expectations.json';
const { side, pictures } = JSON.parse(await readFile(join(FOLDER, EXPECTATIONS), 'utf8')) as Expectations;

const decoded = async (file: string): Promise<DecodedImage> => {
  const answer = await decode(await readFile(join(FOLDER, file)));
  assert.ok(answer.ok, answer.ok ? '' : `${file}: ${answer.fault.message}`);
  return answer.value;
};

const inputOf = (image: DecodedImage, view: number) =>
  resize(image, centreCrop(findRegion(image), view), { width: side, height: side });

test('the inputs of fifty images are byte-identical to those of training, in each view', async () => {
  assert.deepEqual(
    [EXPECTATIONS, ...pictures.map(({ file }) => file)].sort(),
    (await readdir(FOLDER)).sort(),
    'each file of the folder is listed, and each listed file exists',
  );
  assert.equal(pictures.length, 50);
  const expected: Record<string, unknown> = {};
  const found: Record<string, unknown> = {};
  for (const { file, inputSha256 } of pictures) {
    const image = await decoded(file);
    assert.deepEqual(Object.keys(inputSha256).sort(), ['0.75', '1'], file);
    expected[file] = inputSha256;
    found[file] = Object.fromEntries(
      await Promise.all(
        Object.keys(inputSha256).map(async (view) => [view, sha256Of(await inputOf(image, Number(view)))]),
      ),
    );
  }
  assert.deepEqual(found, expected);
});

test('a raw frame with the same pixels gives the same input as the image file', async () => {
  for (const file of ['420-q75-640x480.jpg', 'rgb-97x61.png', 'lossless-111x83.webp']) {
    const image = await decoded(file);
    const { data, width, height } = image;
    const strideBytes = 3 * width + 32;
    const bytes = new Uint8Array(strideBytes * height).fill(99);
    for (let row = 0; row < height; row++) {
      bytes.set(data.subarray(row * 3 * width, (row + 1) * 3 * width), row * strideBytes);
    }
    const raw = await decode(bytes, { kind: 'rgb', width, height, strideBytes });
    assert.ok(raw.ok);
    for (const view of [1, 0.75]) {
      assert.deepEqual(await inputOf(raw.value, view), await inputOf(image, view), file);
    }
  }
});
