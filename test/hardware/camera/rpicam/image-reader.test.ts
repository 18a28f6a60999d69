import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ImageReader } from '../../../../device/hardware/camera/rpicam/image-reader.js';
import { exposureOf, settingsOf } from '../../../../device/hardware/camera/rpicam/metadata.js';
import { makeSceneJpegs } from '../../../support/hardware/scenes.js';

const sceneJpeg = await makeSceneJpegs();
const recordOf = (number: number) =>
  `ExposureTime=8000\nSensorTimestamp=${number}000000\nScalerCrop=(0, 0)/4608x2592\n`;

type Piece = 'image' | 'record' | 'image without end' | 'image without start' | 'garbage';

/** Returns the numbers of the images that the reader returns, each with the number of its record. */
const read = (
  pieces: readonly (readonly [Piece, number])[],
  size: number,
): [image: number, record: number][] => {
  const found: [number, number][] = [];
  const reader = new ImageReader(100_000, (image, record) => {
    const number = [...Array(8).keys()].find((variant) => sceneJpeg('normal', variant).equals(image)) ?? -1;
    found.push([number, Math.round(exposureOf(record)?.frameStartMs ?? -1)]);
  });
  const stream = Buffer.concat(
    pieces.map(([piece, number]) => {
      const image = sceneJpeg('normal', number);
      if (piece === 'image') return image;
      if (piece === 'image without end') return image.subarray(0, image.length - 100);
      if (piece === 'image without start') return image.subarray(100);
      return Buffer.from(
        piece === 'record' ? `${recordOf(number)}\n` : '\x80garbage\xff\xd8\xff\n\n',
        'latin1',
      );
    }),
  );
  for (let at = 0; at < stream.length; at += size) reader.push(stream.subarray(at, at + size));
  return found;
};

describe('the reader of images and records', () => {
  it('returns each image with its record', () => {
    const pieces = [0, 1, 2].flatMap((n) => [['image', n] as const, ['record', n] as const]);
    for (const size of [1, 100, 100_000])
      assert.deepEqual(read(pieces, size), [
        [0, 0],
        [1, 1],
        [2, 2],
      ]);
  });

  it('returns an image when its record is whole, before the next image', () => {
    assert.deepEqual(read([['image', 3]], 50), []);
    assert.deepEqual(
      read(
        [
          ['image', 3],
          ['record', 3],
        ],
        50,
      ),
      [[3, 3]],
    );
  });

  it('never gives an image the record of another one, whatever is lost or damaged', () => {
    const fault = fc.constantFrom(
      ...(['none', 'no record', 'image without end', 'image without start'] as const),
      ...(['garbage before record', 'garbage after record'] as const),
    );
    fc.assert(
      fc.property(fc.array(fault, { maxLength: 8 }), fc.integer({ min: 20, max: 4_000 }), (faults, size) => {
        const pieces = faults.flatMap((kind, n): (readonly [Piece, number])[] => [
          [kind.startsWith('image') ? (kind as Piece) : 'image', n],
          ...(kind === 'garbage before record' ? [['garbage', n] as const] : []),
          ...(kind === 'no record' ? [] : [['record', n] as const]),
          ...(kind === 'garbage after record' ? [['garbage', n] as const] : []),
        ]);
        const found = read(pieces, size);
        for (const [image, record] of found) assert.equal(image, record);
        for (const n of faults.keys())
          if (faults[n] === 'none') assert.ok(found.some(([image]) => image === n));
      }),
      { numRuns: 60 },
    );
  });
});

describe('a record', () => {
  it('contains when the exposure began', () => {
    assert.deepEqual(exposureOf('SensorTimestamp=5000123456\nExposureTime=20000\n'), {
      frameStartMs: 5_000.123456,
      startMs: 4_980.123456,
    });
    assert.deepEqual(exposureOf('SensorTimestamp=5000000000\n'), { frameStartMs: 5_000, startMs: 5_000 });
    for (const text of [
      '',
      'SensorTimestamp=',
      'SensorTimestamp=12',
      'SensorTimestamp=1x\n',
      'XSensorTimestamp=1\n',
    ])
      assert.equal(exposureOf(text), null, text);
  });

  it('contains the settings of the camera', () => {
    const text =
      'ExposureTime=33239\nAnalogueGain=1.122807\nColourGains=[ 1.523000, 1.700000 ]\nLensPosition=0.000000\n';
    assert.deepEqual(settingsOf(text), {
      exposure: { shutterUs: 33_239, gain: 1.122807 },
      whiteBalance: { red: 1.523, blue: 1.7 },
      focus: { dioptres: 0 },
    });
    assert.deepEqual(settingsOf('AnalogueGain=1.0\n'), { exposure: null, whiteBalance: null, focus: null });
  });
});
