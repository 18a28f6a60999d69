import assert from 'node:assert/strict';
import { test } from 'node:test';
import { qualityOf } from '../../../device/perception/vision/quality.js';

/** An image whose pixels are grey, by row and column. */
const imageOf = (width: number, height: number, level: (row: number, column: number) => number) => {
  const data = Buffer.alloc(width * height * 3);
  for (let at = 0; at < width * height; at++)
    data.fill(level(Math.floor(at / width), at % width), at * 3, at * 3 + 3);
  return { data, width, height };
};

test('an image of one colour has no sharpness', () => {
  assert.deepEqual(qualityOf(imageOf(8, 5, () => 100)), {
    ...{ width: 8, height: 5, sharpness: 0, meanLuma: 100, darkShare: 0, brightShare: 0 },
  });
});

test('the sharpness is the variance of the Laplacian over the inner pixels', () => {
  // One white pixel: the Laplacian is -1020 there, 255 beside it, and 0 at the other 20 of 25 inner pixels.
  const one = imageOf(7, 7, (row, column) => (row === 3 && column === 3 ? 255 : 0));
  assert.equal(qualityOf(one).sharpness, (1020 ** 2 + 4 * 255 ** 2) / 25);
  assert.equal(qualityOf(imageOf(2, 9, (row) => row * 20)).sharpness, 0);
});

test('counts the pixels that are clipped to black and to white', () => {
  const quarters = imageOf(8, 4, (row, column) => [0, 255, 6, 249][(row % 2) * 2 + (column % 2)] ?? 0);
  const { darkShare, brightShare, meanLuma } = qualityOf(quarters);
  assert.deepEqual([darkShare, brightShare, meanLuma], [0.25, 0.25, 127.5]);
});
