import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { listImages } from '../../../device/hardware/camera/image-files.js';
import { decode } from '../../../device/perception/vision/decode.js';
import { exposureFault } from '../../../device/perception/vision/exposure.js';
import { findRegion, resize } from '../../../device/perception/vision/preprocess.js';
import { SAMPLES } from '../../support/bin.js';
import { factoryInput, factoryInputBytes } from '../../support/bundle-copy.js';
import { randomOf } from '../../support/random.js';

const codeOf = (input: Uint8Array) => exposureFault(input)?.code ?? null;

const inputOf = async (name: string) => {
  const image = await decode(await readFile(join(SAMPLES, name)));
  assert.ok(image.ok);
  return resize(image.value, findRegion(image.value), factoryInput);
};
const inputs = await Promise.all((await listImages(SAMPLES)).map(inputOf));

/** An input of noise around a level, with half a percent of pixels at another level. */
const noisy = (mean: number, deviation: number, outlier: number) => {
  const random = randomOf(1);
  const input = new Uint8ClampedArray(factoryInputBytes);
  for (let at = 0; at < input.length; at += 3) {
    const isOutlier = random() < 0.005;
    for (let channel = 0; channel < 3; channel++) {
      // The sum of 12 uniform values has a deviation of 1 and is close to a normal distribution.
      let noise = -6;
      for (let term = 0; term < 12; term++) noise += random();
      input[at + channel] = isOutlier ? outlier : mean + deviation * noise;
    }
  }
  return new Uint8Array(input.buffer);
};

test('one colour and faint noise are blank, but a faint pattern is not', () => {
  const even = (value: number) => Buffer.alloc(factoryInputBytes, value);
  const pattern = (step: number) => even(100).map((value, at) => value + (Math.floor(at / 3) % 2) * step);
  assert.equal(codeOf(even(0)), 'picture-blank');
  assert.equal(codeOf(even(255)), 'picture-blank');
  assert.equal(codeOf(pattern(2)), 'picture-blank');
  assert.equal(codeOf(pattern(6)), null);
});

test('a black image with the noise and the hot pixels of a sensor is dark', () => {
  for (const [mean, deviation] of [
    [0, 10],
    [4, 8],
    [8, 16],
    [16, 16],
    [24, 12],
  ] as const)
    assert.equal(codeOf(noisy(mean, deviation, 255)), 'picture-dark', `${mean} with noise of ${deviation}`);
});

test('a white image with noise and a few other pixels is overexposed', () => {
  for (const [mean, deviation] of [
    [255, 4],
    [262, 8],
    [252, 4],
  ] as const)
    assert.equal(
      codeOf(noisy(mean, deviation, 30)),
      'picture-overexposed',
      `${mean} with noise of ${deviation}`,
    );
});

test('each sample is accepted, also with a third of its light or a third more', () => {
  const scaled = (input: Uint8Array, factor: number) =>
    new Uint8Array(Uint8ClampedArray.from(input, (level) => level * factor).buffer);
  assert.equal(inputs.length, 47);
  for (const input of inputs)
    for (const factor of [1 / 3, 1, 4 / 3]) assert.equal(codeOf(scaled(input, factor)), null);
});
