import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import type { FrameFormat, YuvColour } from '../../../device/hardware/camera/camera.js';
import { decode } from '../../../device/perception/vision/decode.js';

const SIDE = 16;
const RED: readonly number[] = [230, 20, 20];
const BLUE: readonly number[] = [20, 20, 230];

/** Checks that the image has red in its left half and blue in its right half. */
const isRedThenBlue = async (bytes: Uint8Array, format?: FrameFormat) => {
  const answer = await decode(bytes, format);
  assert.ok(answer.ok, answer.ok ? '' : answer.fault.message);
  const { data, width, height } = answer.value;
  assert.deepEqual([width, height], [SIDE, SIDE]);
  for (const [column, expected] of [
    [SIDE / 4, RED],
    [(3 * SIDE) / 4, BLUE],
  ] as const) {
    const at = ((SIDE / 2) * SIDE + column) * 3;
    const pixel = [...data.subarray(at, at + 3)];
    for (const [channel, level] of expected.entries())
      assert.ok(Math.abs((pixel[channel] ?? Number.NaN) - level) <= 6, `${pixel} instead of ${expected}`);
  }
};

/** Returns a value for each pixel of a row: the first half has one, the second half another one. */
const halves = <T>(left: T, right: T, count = SIDE): T[] =>
  Array.from({ length: count }, (_, column) => (column < count / 2 ? left : right));

const rgb = Uint8Array.from(new Array(SIDE).fill(halves(RED, BLUE).flat()).flat());

/** The 8-bit code values of RED and BLUE, computed with the formulas of BT.601-7, BT.709-6 and JFIF. */
const CODES: Readonly<Record<YuvColour, readonly [red: number[], blue: number[]]>> = {
  'bt601-full': [
    [83, 93, 233],
    [44, 233, 111],
  ],
  'bt601-limited': [
    [87, 97, 220],
    [54, 220, 113],
  ],
  'bt709-full': [
    [65, 104, 233],
    [35, 233, 118],
  ],
  'bt709-limited': [
    [71, 106, 220],
    [46, 220, 120],
  ],
};

describe('red stays red and blue stays blue', () => {
  it('in an rgb frame', () =>
    isRedThenBlue(rgb, { kind: 'rgb', width: SIDE, height: SIDE, strideBytes: 3 * SIDE }));

  for (const [colour, [[ry = 0, ru = 0, rv = 0], [by = 0, bu = 0, bv = 0]]] of Object.entries(CODES) as [
    YuvColour,
    readonly [number[], number[]],
  ][]) {
    it(`in a yuv420 frame of ${colour}`, () => {
      const plane = (left: number, right: number, side: number) =>
        new Array(side).fill(halves(left, right, side)).flat();
      const planes = [plane(ry, by, SIDE), plane(ru, bu, SIDE / 2), plane(rv, bv, SIDE / 2)];
      const format = { kind: 'yuv420', width: SIDE, height: SIDE, strideBytes: SIDE, colour } as const;
      return isRedThenBlue(Uint8Array.from(planes.flat()), format);
    });

    it(`in a yuyv frame of ${colour}`, () => {
      const row = halves([ry, ru, ry, rv], [by, bu, by, bv], SIDE / 2).flat();
      const format = { kind: 'yuyv', width: SIDE, height: SIDE, strideBytes: 2 * SIDE, colour } as const;
      return isRedThenBlue(Uint8Array.from(new Array(SIDE).fill(row).flat()), format);
    });
  }

  it('in a JPEG, a PNG and a WebP file', async () => {
    const image = sharp(rgb, { raw: { width: SIDE, height: SIDE, channels: 3 } });
    await isRedThenBlue(await image.clone().jpeg({ quality: 95 }).toBuffer());
    await isRedThenBlue(await image.clone().png().toBuffer());
    await isRedThenBlue(await image.clone().webp({ lossless: true }).toBuffer());
  });
});
