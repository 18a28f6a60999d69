import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { FrameFormat } from '../../../device/hardware/camera/camera.js';
import { decode } from '../../../device/perception/vision/decode.js';

type Yuv420 = Extract<FrameFormat, { kind: 'yuv420' }>;

const COLOURS = ['bt601-full', 'bt601-limited', 'bt709-full', 'bt709-limited'] as const;
const byte = fc.integer({ min: 0, max: 255 });

const pixels = async (bytes: Uint8Array, format: FrameFormat): Promise<Buffer> => {
  const answer = await decode(bytes, format);
  assert.ok(answer.ok, answer.ok ? '' : answer.fault.message);
  return answer.value.data;
};

/**
 * Returns the bytes of three planes, each a list of rows. Rows have `strideBytes` bytes and are padded with `filler`.
 */
const frameOf = (planes: readonly (readonly number[])[][], strideBytes: number, filler: number) =>
  Uint8Array.from(
    planes.flatMap((rows, plane) => {
      const stride = plane === 0 ? strideBytes : strideBytes / 2;
      return rows.flatMap((row) => [...row, ...new Array<number>(stride - row.length).fill(filler)]);
    }),
  );

const rowsOf = (width: number, height: number) =>
  fc.array(fc.array(byte, { minLength: width, maxLength: width }), { minLength: height, maxLength: height });

const frame = fc
  .record({ width: fc.integer({ min: 1, max: 9 }), height: fc.integer({ min: 1, max: 7 }) })
  .chain(({ width, height }) => {
    const chroma = rowsOf(Math.ceil(width / 2), Math.ceil(height / 2));
    return fc.record({
      width: fc.constant(width),
      height: fc.constant(height),
      colour: fc.constantFrom(...COLOURS),
      planes: fc.tuple(rowsOf(width, height), chroma, chroma),
      padding: fc.integer({ min: 0, max: 4 }),
      filler: byte,
    });
  });

/**
 * Converts with the formulas of the standards in real numbers: 8-bit BT.601-7 and BT.709-6, and JFIF for the full
 * range.
 */
const standard = (colour: Yuv420['colour'], [y, u, v]: readonly [number, number, number]) => {
  const [red, blue] = colour.startsWith('bt709') ? [0.2126, 0.0722] : [0.299, 0.114];
  const limited = colour.endsWith('limited');
  const luma = limited ? (y - 16) / 219 : y / 255;
  const [cb, cr] = [u, v].map((value) => (value - 128) / (limited ? 224 : 255)) as [number, number];
  const r = luma + 2 * (1 - red) * cr;
  const b = luma + 2 * (1 - blue) * cb;
  return [r, (luma - red * r - blue * b) / (1 - red - blue), b].map((level) =>
    Math.min(255, Math.max(0, level * 255)),
  );
};

/** The reverse conversion: the code values of a full-range colour, rounded as a camera rounds them. */
const encode = ([r, g, b]: readonly [number, number, number]): [number, number, number] => {
  const y = 0.299 * r + 0.587 * g + 0.114 * b;
  const values = [y, 128 + (b - y) / 1.772, 128 + (r - y) / 1.402];
  return values.map((value) => Math.min(255, Math.round(value))) as [number, number, number];
};

describe('a yuv420 frame', () => {
  it('gives the same pixels for any padding of its rows', () =>
    fc.assert(
      fc.asyncProperty(frame, async ({ width, height, colour, planes, padding, filler }) => {
        const minimum = width + (width % 2);
        const format = { kind: 'yuv420', width, height, colour } as const;
        const plain = await pixels(frameOf(planes, minimum, 0), { ...format, strideBytes: minimum });
        const strideBytes = minimum + 2 * padding;
        const padded = await pixels(frameOf(planes, strideBytes, filler), { ...format, strideBytes });
        assert.equal(plain.length, width * height * 3);
        assert.deepEqual(padded, plain);
      }),
    ));

  it('gives each pixel the level nearest to the value of its standard', () =>
    fc.assert(
      fc.asyncProperty(frame, async ({ width, height, colour, planes }) => {
        const strideBytes = width + (width % 2);
        const found = await pixels(frameOf(planes, strideBytes, 0), {
          ...{ kind: 'yuv420', width, height, strideBytes, colour },
        });
        const [luma, us, vs] = planes;
        for (let at = 0; at < width * height; at++) {
          const [row, column] = [Math.floor(at / width), at % width];
          const y = luma[row]?.[column] ?? Number.NaN;
          const u = us[row >> 1]?.[column >> 1] ?? Number.NaN;
          const v = vs[row >> 1]?.[column >> 1] ?? Number.NaN;
          for (const [channel, level] of standard(colour, [y, u, v]).entries()) {
            const error = Math.abs((found[at * 3 + channel] ?? Number.NaN) - level);
            assert.ok(error <= 0.501, `${channel} of ${y}, ${u}, ${v} in ${colour} is off by ${error}`);
          }
        }
      }),
    ));

  it('restores colours within one level', () =>
    fc.assert(
      fc.asyncProperty(byte, byte, byte, async (...colour) => {
        const [y, u, v] = encode(colour);
        const format = { kind: 'yuv420', width: 2, height: 2, strideBytes: 2, colour: 'bt601-full' } as const;
        const found = await pixels(Uint8Array.from([y, y, y, y, u, v]), format);
        for (let at = 0; at < found.length; at++) {
          const error = Math.abs((found[at] ?? Number.NaN) - (colour[at % 3] ?? Number.NaN));
          // Rounding errors: 0.5 levels of Y, 0.5 of chroma times at most 1.772, and 0.5 of the result. The sum is 1.9.
          assert.ok(error <= 1, `${[...found.subarray(0, 3)]} for ${colour}`);
        }
      }),
    ));

  it('keeps the order of the greys of the limited range, from black to white', async () => {
    for (const colour of ['bt601-limited', 'bt709-limited'] as const) {
      const luma = Array.from({ length: 256 }, (_, level) => level);
      const bytes = Uint8Array.from([
        ...luma,
        ...new Array<number>(128).fill(128),
        ...new Array(128).fill(128),
      ]);
      const found = await pixels(bytes, { kind: 'yuv420', width: 256, height: 1, strideBytes: 256, colour });
      const reds = luma.map((level) => found[level * 3] ?? Number.NaN);
      assert.deepEqual([reds[0], reds[16], reds[235], reds[255]], [0, 0, 255, 255]);
      assert.deepEqual(
        [...reds].sort((one, other) => one - other),
        reds,
      );
      for (const level of luma) assert.equal(found[level * 3 + 1], found[level * 3 + 2]);
    }
  });

  it('may lack the padding of its last row, but no other byte', async () => {
    const format = { kind: 'yuv420', width: 3, height: 3, strideBytes: 8, colour: 'bt601-full' } as const;
    const whole = 8 * 3 + 4 * 2 + 4 + 2;
    assert.equal((await decode(new Uint8Array(whole), format)).ok, true);
    assert.equal((await decode(new Uint8Array(whole - 1), format)).ok, false);
  });
});
