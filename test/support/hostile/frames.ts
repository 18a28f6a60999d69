import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { SAMPLES } from '../bin.js';
import { encodeYuyv } from '../hardware/scenes.js';
import { withComment, withoutSegments } from '../jpeg.js';
import { randomOf } from '../random.js';
import { type Below, MUTATIONS, randomBytes } from './mutations.js';

/** The first one is normal. */
const NAMES = ['paper/paper18.jpg', 'metal/metal264.jpg', 'plastic/plastic90.jpg'] as const;
const NORMAL_EVERY = 10;
const DHT = 0xc4;

/** The size of a raw frame. Its rows have padding. */
export const RAW = { width: 320, height: 240, strideBytes: 2 * 320 + 32 };

/** What a camera sends instead of a frame. */
export interface HostileFrame {
  /** How it was made. `normal`: an image that the model classifies as `NORMAL_LABEL`. */
  readonly kind: string;
  readonly bytes: Buffer;
}

export const NORMAL_LABEL = 'paper';

/** Returns damaged and unusual image files, and one normal image in ten. The same seed gives the same frames. */
export async function* hostileFiles(seed: number, count: number): AsyncGenerator<HostileFrame> {
  const { below, pick } = randomFrom(seed);
  const { jpegs, unusual, normal } = await imageFiles();
  const mutations = Object.entries(MUTATIONS);
  for (let index = 0; index < count; index++) {
    const isUnusual = below(6) === 0;
    const [kind, bytes] = pick(Object.entries(unusual));
    const [name, mutate] = pick(mutations);
    const image = Buffer.from(pick(jpegs));
    if (index % NORMAL_EVERY === 0) yield { kind: 'normal', bytes: withComment(normal, `${index}`) };
    else if (isUnusual) yield { kind, bytes };
    else yield { kind: name, bytes: mutate(image, below) };
  }
}

/** Returns raw frames of wrong sizes and contents, and one normal frame in ten. The same seed gives the same frames. */
export async function* hostileRaws(seed: number, count: number): AsyncGenerator<HostileFrame> {
  const { below, pick } = randomFrom(seed);
  const { bytes: normal } = await normalRaw();
  const kinds: Readonly<Record<string, () => Buffer>> = {
    'raw, too short': () => normal.subarray(0, 1 + below(normal.length - 1)),
    'raw, one byte short': () => normal.subarray(0, normal.length - RAW.strideBytes + 2 * RAW.width - 1),
    'raw, too long': () => Buffer.concat([normal, randomBytes(1 + below(20_000), below)]),
    'raw, random': () => randomBytes(normal.length, below),
    'raw, random size': () => randomBytes(1 + below(300_000), below),
    'raw, one value': () => Buffer.alloc(normal.length, below(256)),
    'raw, rows moved': () => {
      const by = 1 + below(normal.length - 1);
      return Buffer.concat([normal.subarray(by), normal.subarray(0, by)]);
    },
  };
  for (let index = 0; index < count; index++) {
    const [kind, make] = pick(Object.entries(kinds));
    if (index % NORMAL_EVERY === 0) yield { kind: 'normal', bytes: normal };
    else yield { kind, bytes: make() };
  }
}

const randomFrom = (seed: number) => {
  const random = randomOf(seed);
  const below: Below = (limit) => Math.floor(random() * limit);
  const pick = <T>(values: readonly T[]): T => values[below(values.length)] as T;
  return { below, pick };
};

const imageFiles = async () => {
  const samples = await Promise.all(NAMES.map((name) => readFile(join(SAMPLES, name))));
  const { bytes: normal } = await normalFile();
  const image = () => sharp(normal);
  const plain = await image().jpeg({ optimiseCoding: false }).toBuffer();
  const progressive = await image().jpeg({ progressive: true }).toBuffer();
  const fine = await image().jpeg({ optimiseCoding: false, chromaSubsampling: '4:4:4' }).toBuffer();
  const unusual = {
    progressive,
    'no Huffman tables': withoutSegments(plain, DHT),
    CMYK: await image().toColourspace('cmyk').jpeg().toBuffer(),
    grey: await image().greyscale().jpeg().toBuffer(),
    'turned by EXIF': await image().withMetadata({ orientation: 6 }).jpeg().toBuffer(),
    'PNG, 16 bits': await image().resize(160, 120).toColourspace('rgb16').png().toBuffer(),
    WebP: await image().webp().toBuffer(),
  };
  return { jpegs: [...samples, plain, progressive, fine], unusual, normal };
};

/** Returns a normal image as a file. */
export const normalFile = async (): Promise<HostileFrame> => ({
  kind: 'normal',
  bytes: await readFile(join(SAMPLES, NAMES[0])),
});

/** Returns a normal image as a raw frame. */
export const normalRaw = async (): Promise<HostileFrame> => {
  const { width, height, strideBytes } = RAW;
  const image = sharp((await normalFile()).bytes).resize(width, height, { fit: 'fill' });
  const data = await image.removeAlpha().raw().toBuffer();
  return { kind: 'normal', bytes: encodeYuyv({ data, width, height }, strideBytes) };
};
