import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import sharp from 'sharp';
import { completeJpeg } from '../../../device/hardware/camera/jpeg.js';
import { SAMPLES } from '../../support/bin.js';
import { withoutSegments } from '../../support/jpeg.js';

const DHT = 0xc4;

const sample = await readFile(join(SAMPLES, 'paper/paper18.jpg'));
const small = sharp(sample).resize(40, 30);
const pixelsOf = (jpeg: Uint8Array) => sharp(jpeg, { failOn: 'warning' }).raw().toBuffer();

/** JPEGs with the standard Huffman tables, as webcams code them. */
const standard = {
  '4:2:0': await small.clone().jpeg({ optimiseCoding: false }).toBuffer(),
  '4:4:4': await small.clone().jpeg({ optimiseCoding: false, chromaSubsampling: '4:4:4' }).toBuffer(),
  grey: await small.clone().greyscale().jpeg({ optimiseCoding: false }).toBuffer(),
};
const progressive = await small.clone().jpeg({ progressive: true }).toBuffer();
const whole = [sample, ...Object.values(standard), progressive];

describe('completing a JPEG', () => {
  for (const [name, jpeg] of Object.entries(standard))
    it(`inserts the standard Huffman tables: ${name}`, async () => {
      const bare = withoutSegments(jpeg, DHT);
      assert.ok(bare.length < jpeg.length);
      const completed = completeJpeg(bare);
      assert.deepEqual(await pixelsOf(completed), await pixelsOf(jpeg));
      const tables = Buffer.from(completed).indexOf(Buffer.of(0xff, DHT));
      assert.ok(tables > 0 && tables < Buffer.from(completed).indexOf(Buffer.of(0xff, 0xda)));
    });

  it('inserts no tables into a progressive JPEG, which the standard tables do not fit', () => {
    const bare = withoutSegments(progressive, DHT);
    assert.ok(completeJpeg(bare).length <= bare.length);
  });

  it('adds a missing end marker, also one of which only half is missing', () => {
    for (const jpeg of whole) {
      assert.deepEqual(Buffer.from(completeJpeg(jpeg.subarray(0, -2))), jpeg);
      const half = jpeg.subarray(0, -1);
      assert.deepEqual(Buffer.from(completeJpeg(half)), Buffer.concat([half, Buffer.of(0xff, 0xd9)]));
    }
  });

  it('cuts the bytes after the end, and returns a whole JPEG unchanged', () => {
    for (const jpeg of whole) {
      assert.equal(completeJpeg(jpeg), jpeg);
      const padded = Buffer.concat([jpeg, Buffer.alloc(500), Buffer.of(0xff, 0xd9, 0xff)]);
      assert.deepEqual(Buffer.from(completeJpeg(padded)), jpeg);
    }
  });

  it('does not end at the end marker of a thumbnail', () => {
    const app1 = Buffer.alloc(4);
    app1.writeUInt16BE(0xffe1, 0);
    app1.writeUInt16BE(2 + standard.grey.length, 2);
    const jpeg = Buffer.concat([sample.subarray(0, 2), app1, standard.grey, sample.subarray(2)]);
    assert.equal(completeJpeg(jpeg), jpeg);
  });

  it('returns bytes that are not a JPEG unchanged', () => {
    for (const bytes of [
      new Uint8Array(0),
      Uint8Array.of(0xff, 0xd8),
      new Uint8Array(1_000_000),
      sample.subarray(2),
    ])
      assert.equal(completeJpeg(bytes), bytes);
  });
});

/** Bytes that look like the structure of a JPEG. */
const markers = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 20 }),
      fc.integer({ min: 0xbf, max: 0xff }).map((marker) => Uint8Array.of(0xff, marker, 0, 3, 1)),
      fc.constantFrom(Uint8Array.of(0xff), Uint8Array.of(0xff, 0xd9), Uint8Array.of(0xff, 0xda, 0, 2)),
    ),
    { maxLength: 20 },
  )
  .map((parts) => Buffer.concat([Buffer.of(0xff, 0xd8), ...parts]));

/** A JPEG with some bytes replaced, then cut. */
const mutated = fc
  .tuple(
    fc.constantFrom(...whole.slice(1)),
    fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 8 }),
    fc.nat(),
  )
  .map(([jpeg, changes, length]) => {
    const bytes = Buffer.from(jpeg);
    for (const [at, value] of changes) bytes[at % bytes.length] = value;
    return bytes.subarray(0, length % (bytes.length + 1));
  });

describe('for any bytes, completing a JPEG', () => {
  const anyBytes = fc.oneof(markers, mutated, fc.uint8Array({ maxLength: 200 }));
  const always = (check: (bytes: Uint8Array) => void) =>
    fc.assert(fc.property(anyBytes, check), { numRuns: 1_000 });

  it('never throws, and adds at most the tables and the end marker', () =>
    always((bytes) => {
      assert.ok(completeJpeg(bytes).length <= bytes.length + 420 + 2);
    }));

  it('never reads past the end', () =>
    always((bytes) => {
      for (const next of [0x00, 0xd9, 0xff]) {
        const larger = Buffer.concat([bytes, Buffer.alloc(64, next)]);
        const view = larger.subarray(0, bytes.length);
        assert.deepEqual(Buffer.from(completeJpeg(view)), Buffer.from(completeJpeg(bytes)));
      }
    }));

  it('changes nothing the second time', () =>
    always((bytes) => {
      const once = completeJpeg(bytes);
      assert.equal(completeJpeg(once), once);
    }));
});
