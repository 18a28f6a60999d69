import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { JpegSplitter } from '../../../../device/hardware/camera/rpicam/jpeg-splitter.js';
import { makeSceneJpegs } from '../../../support/hardware/scenes.js';

type Part = { readonly kind: 'jpeg' | 'other'; readonly bytes: Buffer };

/** Splits a stream in chunks of the given sizes, repeated. Joins the bytes between files. */
const split = (stream: Buffer, sizes: readonly number[] = [stream.length], maxBytes = 1_000_000): Part[] => {
  const parts: Part[] = [];
  const splitter = new JpegSplitter({
    maxBytes,
    onJpeg: (bytes) => parts.push({ kind: 'jpeg', bytes }),
    onOther: (bytes) => {
      const last = parts.at(-1);
      if (last?.kind !== 'other') parts.push({ kind: 'other', bytes: Buffer.from(bytes) });
      else parts.splice(-1, 1, { kind: 'other', bytes: Buffer.concat([last.bytes, bytes]) });
    },
  });
  for (let at = 0, turn = 0; at < stream.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    splitter.push(stream.subarray(at, at + size));
    at += size;
  }
  return parts;
};

const jpegsOf = (parts: readonly Part[]) =>
  parts.filter(({ kind }) => kind === 'jpeg').map(({ bytes }) => bytes);
const joined = (parts: readonly Part[]) => Buffer.concat(parts.map(({ bytes }) => bytes));

const segment = (marker: number, payload: Uint8Array) => {
  const head = Buffer.of(0xff, marker, 0, 0);
  head.writeUInt16BE(payload.length + 2, 2);
  return Buffer.concat([head, payload]);
};
/** Data of a scan: a byte 0xff is followed by 0 or is a restart marker. */
const scanData = fc
  .array(
    fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: 0, max: 254 }).map((byte) => [byte]) },
      fc.constant([0xff, 0]),
      fc.constant([0xff, 0xff, 0]),
      fc.integer({ min: 0xd0, max: 0xd7 }).map((marker) => [0xff, marker]),
    ),
    { maxLength: 60 },
  )
  .map((bytes) => Buffer.from(bytes.flat()));
/** A payload may contain a whole small JPEG. */
const payload = fc.oneof(
  fc.uint8Array({ maxLength: 30 }),
  fc.constant(Uint8Array.of(0xff, 0xd8, 0xff, 0xda, 0, 2, 1, 0xff, 0xd9)),
);
const header = fc
  .tuple(fc.constantFrom(0xc0, 0xc4, 0xdb, 0xe0, 0xe1, 0xfe), payload, fc.integer({ min: 0, max: 3 }))
  .map(([marker, bytes, fill]) => Buffer.concat([Buffer.alloc(fill, 0xff), segment(marker, bytes)]));
const scan = fc
  .tuple(fc.array(header, { maxLength: 4 }), payload, scanData)
  .map(([headers, bytes, data]) => Buffer.concat([...headers, segment(0xda, bytes), data]));
const jpeg = fc
  .array(scan, { minLength: 1, maxLength: 3 })
  .map((scans) => Buffer.concat([Buffer.of(0xff, 0xd8), ...scans, Buffer.of(0xff, 0xd9)]));
const text = fc
  .string({ maxLength: 40 })
  .map((value) => Buffer.from(value.replaceAll('\u00ff', ''), 'latin1'));
const sizes = fc.array(fc.integer({ min: 1, max: 70 }), { minLength: 1, maxLength: 5 });

describe('the splitter of JPEG files', () => {
  it('returns each file and the bytes between them, however the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(text, jpeg), { maxLength: 5 }), text, sizes, (parts, end, chunks) => {
        const stream = Buffer.concat([...parts.flat(), end]);
        const found = split(stream, chunks);
        assert.deepEqual(
          jpegsOf(found),
          parts.map(([, file]) => file),
        );
        assert.deepEqual(joined(found), stream);
      }),
    );
  });

  it('returns a prefix of any stream of bytes, and keeps at most the limit', () => {
    const byte = fc.oneof(fc.constantFrom(0xff, 0xd8, 0xd9, 0xda, 0xc0, 0), fc.nat(255));
    fc.assert(
      fc.property(fc.array(byte, { maxLength: 600 }), sizes, (bytes, chunks) => {
        const stream = Buffer.from(bytes);
        const found = joined(split(stream, chunks, 100));
        assert.deepEqual(found, stream.subarray(0, found.length));
        assert.ok(stream.length - found.length <= 100);
      }),
    );
  });

  it('splits files of an encoder', async () => {
    const sceneJpeg = await makeSceneJpegs();
    const files = Array.from({ length: 6 }, (_, frame) => sceneJpeg('normal', frame));
    for (const size of [1, 7, 1_000, 65_536])
      assert.deepEqual(jpegsOf(split(Buffer.concat(files), [size])), files);
  });

  it('skips a file that is cut short, damaged or too long, and finds the next one', async () => {
    const file = (await makeSceneJpegs())('normal', 0);
    const scanAt = file.indexOf(Buffer.of(0xff, 0xda));
    const isFound = (before: Buffer, maxBytes = 1_000_000) =>
      jpegsOf(split(Buffer.concat([before, file]), [50], maxBytes)).some((found) => found.equals(file));
    assert.ok(isFound(file.subarray(0, file.length - 300)));
    assert.ok(isFound(file.subarray(0, 2)));
    assert.ok(isFound(file.subarray(200)));
    assert.ok(isFound(Buffer.concat([file.subarray(0, scanAt), Buffer.alloc(30)])));
    assert.ok(isFound(Buffer.concat([file.subarray(0, file.length - 2), Buffer.alloc(5_000, 7)]), 3_000));
  });

  it('does work in proportion to the size of a stream, whatever it contains', () => {
    const repeated = (count: number, ...bytes: number[]) => Buffer.alloc(count, Buffer.from(bytes));
    const start = Buffer.of(0xff, 0xd8);
    const bad = Buffer.of(0, 0);
    const startMarkers = (bytes: number) => repeated(bytes, 0xff, 0xd8);
    /** Start markers, each with a segment that ends at the common rest. The segments have `marker`. */
    const nested = (marker: number, rest: (bytes: number) => Buffer) => (bytes: number) => {
      const heads = Buffer.alloc(6 * 2_000);
      for (let at = 0; at < heads.length; at += 6) {
        heads.set([0xff, 0xd8, 0xff, marker], at);
        heads.writeUInt16BE(heads.length - at - 4, at + 4);
      }
      return Buffer.concat([heads, rest(bytes), bad]);
    };
    const streams: Record<string, (bytes: number) => Buffer> = {
      'start markers in comments': (bytes) => {
        const comments = Array.from({ length: bytes / 65_000 }, () => segment(0xfe, startMarkers(64_996)));
        return Buffer.concat([start, ...comments, bad]);
      },
      'start markers': startMarkers,
      'a chain of segments': nested(0xfe, (bytes) => repeated(bytes, 0xff, 0xfe, 0, 2)),
      'fill bytes': nested(0xfe, (bytes) => repeated(bytes, 0xff)),
      'a scan': nested(0xda, (bytes) => repeated(bytes, 7)),
      'a scan with escaped bytes': nested(0xda, (bytes) => repeated(bytes, 0xff, 0)),
    };
    for (const [name, make] of Object.entries(streams))
      for (const bytes of [130_000, 520_000])
        for (const size of [1_000, 65_536, 1_000_000]) {
          const stream = make(bytes);
          let others = 0;
          const splitter = new JpegSplitter({
            maxBytes: 1_000_000,
            onJpeg: () => {},
            onOther: () => others++,
          });
          let pushes = 0;
          for (let at = 0; at < stream.length; at += size, pushes++)
            splitter.push(stream.subarray(at, at + size));
          const { examinedBytes, movedBytes } = splitter.work;
          const message = `${name}, ${bytes} bytes in chunks of ${size}: ${examinedBytes}, ${movedBytes}`;
          assert.ok(examinedBytes <= 4 * stream.length + 2_000 * 300, message);
          assert.ok(movedBytes <= 2 * stream.length, message);
          assert.ok(others <= pushes, message);
        }
  });
});
