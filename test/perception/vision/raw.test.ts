import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { FrameFormat } from '../../../device/hardware/camera/camera.js';
import { decode } from '../../../device/perception/vision/decode.js';

type Colour = Extract<FrameFormat, { kind: 'yuv420' }>['colour'];

const pixelsOf = async (bytes: Uint8Array, format: FrameFormat): Promise<Buffer> => {
  const answer = await decode(bytes, format);
  assert.ok(answer.ok, answer.ok ? '' : answer.fault.message);
  assert.deepEqual([answer.value.width, answer.value.height], [format.width, format.height]);
  return answer.value.data;
};

/** Decodes a yuv420 frame of one colour. */
const uniform = (y: number, u: number, v: number, colour: Colour, [width, height] = [4, 2]) => {
  const chroma = Math.ceil(width / 2) * Math.ceil(height / 2);
  const strideBytes = width + (width % 2);
  const planes = [
    new Array(strideBytes * height).fill(y),
    new Array(chroma).fill(u),
    new Array(chroma).fill(v),
  ];
  return pixelsOf(Uint8Array.from(planes.flat()), { kind: 'yuv420', width, height, strideBytes, colour });
};

const near = (found: Uint8Array, expected: readonly number[]) => {
  for (let at = 0; at < found.length; at++) {
    const level = expected[at % 3] ?? Number.NaN;
    assert.ok(Math.abs((found[at] ?? Number.NaN) - level) <= 1, `${found.subarray(0, 3)} for ${expected}`);
  }
};

describe('a raw frame', () => {
  it('loses only the padding of its rows', () =>
    fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 0, max: 6 }),
        fc.infiniteStream(fc.integer({ min: 0, max: 255 })),
        async (width, height, padding, stream) => {
          const values = Uint8Array.from({ length: width * height * 3 }, () => stream.next().value ?? 0);
          const strideBytes = width * 3 + padding;
          const padded = new Uint8Array(strideBytes * height).fill(99);
          for (let row = 0; row < height; row++) {
            padded.set(values.subarray(row * width * 3, (row + 1) * width * 3), row * strideBytes);
          }
          const found = await pixelsOf(padded, { kind: 'rgb', width, height, strideBytes });
          assert.deepEqual([...found], [...values]);
        },
      ),
    ));

  it('has the colours of its standard within one level', async () => {
    // The standards' 8-bit code values of full red, green, blue, white and black.
    near(await uniform(76, 85, 255, 'bt601-full'), [254, 0, 0]);
    near(await uniform(150, 44, 21, 'bt601-full'), [0, 255, 1]);
    near(await uniform(81, 90, 240, 'bt601-limited'), [254, 0, 0]);
    near(await uniform(145, 54, 34, 'bt601-limited'), [0, 255, 1]);
    near(await uniform(63, 102, 240, 'bt709-limited'), [255, 0, 0]);
    near(await uniform(173, 42, 26, 'bt709-limited'), [0, 255, 0]);
    near(await uniform(32, 240, 118, 'bt709-limited'), [0, 0, 255]);
    near(await uniform(235, 128, 128, 'bt601-limited'), [255, 255, 255]);
    near(await uniform(16, 128, 128, 'bt709-limited'), [0, 0, 0]);
  });

  it('keeps every grey of the full range unchanged', async () => {
    for (let level = 0; level < 256; level += 5) {
      assert.deepEqual([...new Set(await uniform(level, 128, 128, 'bt601-full'))], [level]);
    }
  });

  it('supports odd sides, and each pixel has the chroma of its block', async () => {
    // 3 x 3 pixels in rows of 4 bytes, and 2 x 2 chroma samples. The top left block is red, the others are grey.
    const luma = [76, 76, 128, 0, 76, 76, 128, 0, 128, 128, 128, 0];
    const bytes = Uint8Array.from([...luma, 85, 128, 128, 128, 255, 128, 128, 128]);
    const format = { kind: 'yuv420', width: 3, height: 3, strideBytes: 4, colour: 'bt601-full' } as const;
    const found = await pixelsOf(bytes, format);
    const pixel = (row: number, column: number) => [
      ...found.subarray((row * 3 + column) * 3, (row * 3 + column) * 3 + 3),
    ];
    near(Uint8Array.from(pixel(1, 1)), [254, 0, 0]);
    for (const [row, column] of [
      [0, 2],
      [2, 0],
      [2, 2],
    ] as const)
      assert.deepEqual(pixel(row, column), [128, 128, 128]);
  });

  it('is refused if its bytes do not fit its format', async () => {
    const rgb = { kind: 'rgb', width: 4, height: 2, strideBytes: 12 } as const;
    const yuv = { kind: 'yuv420', width: 4, height: 2, strideBytes: 4, colour: 'bt601-full' } as const;
    const cases: [Uint8Array, FrameFormat, RegExp][] = [
      [new Uint8Array(23), rgb, /has 23 bytes, but 4 x 2 pixels need 24/],
      [new Uint8Array(24), { ...rgb, strideBytes: 11 }, /rows of 11 bytes, but 4 pixels need 12/],
      [new Uint8Array(11), yuv, /has 11 bytes, but 4 x 2 pixels need 12/],
      [new Uint8Array(99), { ...yuv, strideBytes: 5 }, /rows of 5 bytes, but an even number is required/],
      [new Uint8Array(9), { ...rgb, width: 0 }, /has width 0, but at least 1 is required/],
      [new Uint8Array(9), { ...rgb, width: 1e5, height: 1e5, strideBytes: 3e5 }, /at most 67108864/],
    ];
    for (const [bytes, format, message] of cases) {
      const answer = await decode(bytes, format);
      assert.ok(!answer.ok);
      assert.match(answer.fault.message, message);
    }
  });

  it('is decoded or refused, whatever its format is', async () => {
    const large = fc.constantFrom(300, 65_535, 2 ** 31);
    const size = fc.oneof({ weight: 6, arbitrary: fc.integer({ min: -1, max: 60 }) }, fc.double(), large);
    const colour = fc.constantFrom('bt601-full', 'bt601-limited', 'bt709-full', 'bt709-limited');
    const kind = fc.constantFrom('rgb', 'yuv420', 'yuyv');
    const format = fc.record({ kind, width: size, height: size, strideBytes: size, colour });
    await fc.assert(
      fc.asyncProperty(format, fc.uint8Array({ maxLength: 2_000 }), async (any, bytes) => {
        const answer = await decode(bytes, any as FrameFormat);
        if (answer.ok) assert.equal(answer.value.data.length, 3 * any.width * any.height);
        else assert.equal(answer.fault.code, 'picture-broken');
      }),
      { numRuns: 2_000 },
    );
  });
});
