import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import type { Frame, FrameFormat } from '../../device/hardware/camera/camera.js';
import { SAMPLES } from './bin.js';
import { scanDataAt } from './jpeg.js';
import { randomOf } from './random.js';

const NAMES = ['paper/paper18.jpg', 'metal/metal264.jpg', 'plastic/plastic90.jpg'];
/** Sizes that a broken driver might report. */
const SIZES = [
  0,
  -1,
  0.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  1,
  2,
  3,
  15,
  16,
  640,
  65_535,
  2 ** 31,
  1e308,
];

type Mutation = (image: Buffer, below: (limit: number) => number) => Buffer;

const MUTATIONS: Readonly<Record<string, Mutation>> = {
  'bits flipped': (image, below) => {
    for (let flips = 1 + below(16); flips > 0; flips--) {
      const at = below(image.length);
      image[at] = (image[at] ?? 0) ^ (1 << below(8));
    }
    return image;
  },
  'scan replaced': (image, below) => {
    const from = scanDataAt(image) + below(Math.max(1, image.length - scanDataAt(image)));
    for (let at = from; at < Math.min(image.length, from + 1 + below(600)); at++) image[at] = below(256);
    return image;
  },
  'header replaced': (image, below) => {
    for (let changes = 1 + below(6); changes > 0; changes--) image[2 + below(600)] = below(256);
    return image;
  },
  'size replaced': (image, below) => {
    const at =
      [0xc0, 0xc2].map((kind) => image.indexOf(Buffer.of(0xff, kind))).find((found) => found > 0) ?? 2;
    image.writeUInt16BE(below(9_000), at + 5);
    image.writeUInt16BE(below(9_000), at + 7);
    return image;
  },
  'cut short': (image, below) => image.subarray(0, below(image.length)),
  'part lost': (image, below) => {
    const at = below(image.length);
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
  'random bytes': (image, below) => {
    const start = Buffer.from(image.subarray(0, 2 + below(20)));
    return Buffer.concat([start, Buffer.from(Array.from({ length: below(5_000) }, () => below(256)))]);
  },
};

export interface HostileFrame {
  readonly kind: string;
  readonly frame: Frame;
}

/** Returns damaged image files and raw frames with impossible formats. The same seed gives the same frames. */
export async function* hostileFrames(seed: number, count: number): AsyncGenerator<HostileFrame> {
  const random = randomOf(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const pick = <T>(values: readonly T[]): T => values[below(values.length)] as T;
  const images = await imageFiles();
  const mutations = Object.entries(MUTATIONS);
  for (let index = 0; index < count; index++) {
    const rest = { id: `hostile-${index}`, capturedAtMs: 0, capturedAtWallMs: 0 };
    if (index % 3 === 2) {
      const size = () => (below(3) > 0 ? 1 + below(300) : pick(SIZES));
      const kind = pick(['rgb', 'yuv420', 'yuyv'] as const);
      const colour = pick(['bt601-full', 'bt601-limited', 'bt709-full', 'bt709-limited'] as const);
      const format = { kind, width: size(), height: size(), strideBytes: size() * pick([1, 2, 3]), colour };
      const bytes = new Uint8Array(below(300_000)).map(() => below(256));
      yield { kind: `raw ${kind}`, frame: { ...rest, bytes, format: format as FrameFormat } };
    } else {
      const [name, mutate] = pick(mutations);
      yield { kind: name, frame: { ...rest, bytes: mutate(Buffer.from(pick(images)), below) } };
    }
  }
}

/** JPEGs of a camera, baseline and progressive, and the other formats that the bin accepts. */
const imageFiles = async (): Promise<Buffer[]> => {
  const jpegs = await Promise.all(NAMES.map((name) => readFile(join(SAMPLES, name))));
  const [first = Buffer.alloc(0)] = jpegs;
  const image = sharp(first);
  return [
    ...jpegs,
    ...jpegs,
    await image.clone().jpeg({ progressive: true }).toBuffer(),
    await image.clone().jpeg({ optimiseCoding: false, chromaSubsampling: '4:4:4' }).toBuffer(),
    await image.clone().resize(160, 120).png().toBuffer(),
    await image.clone().webp().toBuffer(),
  ];
};
