import { scanDataAt } from '../jpeg.js';

/** Returns a whole number from 0 to below `limit`. */
export type Below = (limit: number) => number;

export const randomBytes = (count: number, below: Below): Buffer =>
  Buffer.from(Array.from({ length: count }, () => below(256)));

type Mutation = (image: Buffer, below: Below) => Buffer;

/** What damages a JPEG file. The image may be changed in place. */
export const MUTATIONS: Readonly<Record<string, Mutation>> = {
  'bits flipped': (image, below) => {
    for (let flips = 1 + below(16); flips > 0; flips--) {
      const at = below(image.length);
      image[at] = (image[at] ?? 0) ^ (1 << below(8));
    }
    return image;
  },
  'scan replaced': (image, below) => {
    const from = scanDataAt(image) + below(Math.max(1, image.length - scanDataAt(image)));
    return Buffer.concat([
      image.subarray(0, from),
      randomBytes(1 + below(600), below),
      image.subarray(from + 600),
    ]);
  },
  'header replaced': (image, below) => {
    for (let changes = 1 + below(6); changes > 0; changes--) image[2 + below(600)] = below(256);
    return image;
  },
  'size replaced': (image, below) => withSize(image, below(9_000), below(9_000)),
  'size huge': (image, below) => withSize(image, 65_535 - below(9), 65_535 - below(60_000)),
  'precision replaced': (image, below) => {
    image[frameHeaderAt(image) + 4] = [16, 12, 0, 255][below(4)] ?? 16;
    return image;
  },
  'segment repeated': (image, below) => {
    const segments = segmentsOf(image);
    const at = 1 + below(segments.length - 1);
    return Buffer.concat([...segments.slice(0, at), ...segments.slice(at - 1)]);
  },
  'segments swapped': (image, below) => {
    const segments = segmentsOf(image);
    const [first, second] = [below(segments.length), below(segments.length)];
    return Buffer.concat(
      segments.map((segment, at) => segments[at === first ? second : at === second ? first : at] ?? segment),
    );
  },
  'start inside': (image, below) => {
    const at = 2 + below(image.length - 2);
    return Buffer.concat([
      image.subarray(0, at),
      Buffer.of(0xff, 0xd8, 0xff, [0xd9, 0xe0, 0xc0, 0xdb][below(4)] ?? 0),
      image.subarray(at),
    ]);
  },
  'garbage before': (image, below) => Buffer.concat([randomBytes(1 + below(3_000), below), image]),
  'garbage after': (image, below) => Buffer.concat([image, randomBytes(1 + below(3_000), below)]),
  'cut short': (image, below) => image.subarray(0, 1 + below(image.length - 1)),
  'part lost': (image, below) => {
    const at = 1 + below(image.length - 1);
    return Buffer.concat([image.subarray(0, at), image.subarray(at + 1 + below(2_000))]);
  },
  'part repeated': (image, below) => {
    const at = below(image.length);
    return Buffer.concat([image.subarray(0, at), image.subarray(below(at + 1))]);
  },
  zeroed: (image, below) => {
    const from = below(image.length);
    return image.fill(0, from, from + below(image.length - from));
  },
  'random bytes': (image, below) =>
    Buffer.concat([image.subarray(0, 2 + below(20)), randomBytes(below(5_000), below)]),
};

/** Position of the frame header: SOF0 or SOF2. */
const frameHeaderAt = (image: Buffer): number =>
  [0xc0, 0xc2].map((kind) => image.indexOf(Buffer.of(0xff, kind))).find((found) => found > 0) ?? 2;

const withSize = (image: Buffer, width: number, height: number): Buffer => {
  const at = frameHeaderAt(image);
  image.writeUInt16BE(height, at + 5);
  image.writeUInt16BE(width, at + 7);
  return image;
};

/** Returns the segments between the start marker and the scan, each with its marker. The first and the last are the rest. */
const segmentsOf = (image: Buffer): Buffer[] => {
  const segments = [image.subarray(0, 2)];
  let at = 2;
  while (at < image.length && image[at + 1] !== 0xda) {
    const end = at + 2 + image.readUInt16BE(at + 2);
    segments.push(image.subarray(at, end));
    at = end;
  }
  return [...segments, image.subarray(at)];
};
