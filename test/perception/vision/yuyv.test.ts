import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { FrameFormat, YuvColour } from '../../../device/hardware/camera/camera.js';
import { decode } from '../../../device/perception/vision/decode.js';

const byte = fc.integer({ min: 0, max: 255 });

const pixels = async (bytes: Uint8Array, format: FrameFormat): Promise<number[]> => {
  const answer = await decode(bytes, format);
  assert.ok(answer.ok, answer.ok ? '' : answer.fault.message);
  assert.deepEqual([answer.value.width, answer.value.height], [format.width, format.height]);
  return [...answer.value.data];
};

/** Rows of pairs, each Y0 U Y1 V. */
const frame = fc
  .record({ width: fc.integer({ min: 1, max: 9 }), height: fc.integer({ min: 1, max: 6 }) })
  .chain(({ width, height }) => {
    const pair = fc.tuple(byte, byte, byte, byte);
    const count = Math.ceil(width / 2);
    const row = fc.array(pair, { minLength: count, maxLength: count });
    return fc.record({
      width: fc.constant(width),
      height: fc.constant(height),
      colour: fc.constantFrom<YuvColour>('bt601-full', 'bt601-limited', 'bt709-full', 'bt709-limited'),
      rows: fc.array(row, { minLength: height, maxLength: height }),
      padding: fc.integer({ min: 0, max: 7 }),
      filler: byte,
    });
  });

describe('a yuyv frame', () => {
  it('has in each row the pixels of a yuv420 frame of one row, for any padding', () =>
    fc.assert(
      fc.asyncProperty(frame, async ({ width, height, colour, rows, padding, filler }) => {
        const strideBytes = 4 * Math.ceil(width / 2) + padding;
        const packed = rows.flatMap((pairs) => [...pairs.flat(), ...new Array(padding).fill(filler)]);
        const format = { kind: 'yuyv', width, height, strideBytes, colour } as const;
        const found = await pixels(Uint8Array.from(packed), format);
        const expected: number[] = [];
        for (const pairs of rows) {
          const luma = pairs.flatMap(([y0, , y1]) => [y0, y1]);
          const planes = [...luma, ...pairs.map(([, u]) => u), ...pairs.map(([, , , v]) => v)];
          const one = { kind: 'yuv420', width, height: 1, strideBytes: luma.length, colour } as const;
          expected.push(...(await pixels(Uint8Array.from(planes), one)));
        }
        assert.deepEqual(found, expected);
      }),
    ));

  it('may lack the padding of its last row, but no other byte', async () => {
    const format = { kind: 'yuyv', width: 3, height: 3, strideBytes: 11, colour: 'bt601-full' } as const;
    const whole = 11 * 2 + 8;
    assert.equal((await decode(new Uint8Array(whole), format)).ok, true);
    const short = await decode(new Uint8Array(whole - 1), format);
    assert.ok(!short.ok);
    assert.match(short.fault.message, /the yuyv frame has 29 bytes, but 3 x 3 pixels need 30\. Check/);
  });

  it('is refused if its rows are shorter than its pairs of pixels', async () => {
    const format = { kind: 'yuyv', width: 3, height: 1, strideBytes: 7, colour: 'bt601-full' } as const;
    const narrow = await decode(new Uint8Array(99), format);
    assert.ok(!narrow.ok);
    assert.match(narrow.fault.message, /the yuyv frame has rows of 7 bytes, but 3 pixels need 8\. Check/);
  });
});
