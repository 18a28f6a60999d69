import sharp from 'sharp';
import type { FrameFormat } from '../../hardware/camera/camera.js';
import { type Answer, done, failed, messageOf } from '../../kit/errors.js';
import { MAX_PIXELS, type Picture, unpack } from './raw.js';

/** x, y, width, height in pixels. */
export type Region = readonly [number, number, number, number];

const MAX_BYTES = 32 << 20;
/** Standard deviation of luma, of 255, under which there is nothing to see: a covered lens, a dead sensor. */
const BLANK_DEVIATION = 2;

/** Bounds libvips' threads and memory, for the whole process: called once, by the child. */
export const boundDecoder = (): void => {
  sharp.concurrency(1);
  sharp.cache(false);
};

/** Decodes a frame: JPEG, PNG or WebP, or raw bytes as `format` says; it must be whole. */
export const decode = async (
  bytes: Uint8Array,
  format?: FrameFormat,
): Promise<Answer<Picture, 'picture-broken'>> => {
  if (format) return unpack(bytes, format);
  const broken = (what: string) =>
    failed('picture-broken', `the picture (${bytes.length} bytes) ${what}; check the camera`);
  if (bytes.length > MAX_BYTES) return broken(`is larger than ${MAX_BYTES} bytes`);
  if (!isServedFormat(bytes)) return broken('is no JPEG, PNG or WebP');
  try {
    const { data, info } = await sharp(bytes, { failOn: 'error', limitInputPixels: MAX_PIXELS })
      .removeAlpha()
      .toColourspace('srgb')
      .raw()
      .toBuffer({ resolveWithObject: true });
    if (info.channels !== 3) return broken(`was decoded to ${info.channels} channels`);
    return done({ data, width: info.width, height: info.height });
  } catch (thrown) {
    return broken(`cannot be decoded (${messageOf(thrown).replace(/\s+/g, ' ')})`);
  }
};

/** By its first bytes, as libvips tells them: it would read a dozen other formats as well. */
const isServedFormat = (bytes: Uint8Array): boolean => {
  const text = (from: number, to: number) => Buffer.from(bytes.subarray(from, to)).toString('latin1');
  return (
    text(0, 3) === '\xff\xd8\xff' ||
    text(0, 8) === '\x89PNG\r\n\x1a\n' ||
    (text(0, 4) === 'RIFF' && text(8, 12) === 'WEBP')
  );
};

/** The part of the picture that holds the item: so far, all of it. */
export const findRegion = ({ width, height }: Picture): Region => [0, 0, width, height];

/** The centre crop of a region, as a fraction of its sides. */
export const centreCrop = ([x, y, width, height]: Region, fraction: number): Region => {
  const cropWidth = Math.max(1, Math.round(width * fraction));
  const cropHeight = Math.max(1, Math.round(height * fraction));
  return [
    x + Math.floor((width - cropWidth) / 2),
    y + Math.floor((height - cropHeight) / 2),
    cropWidth,
    cropHeight,
  ];
};

/**
 * Resizes a part of a picture to the model's input, as training does: linear, both sides on their own. Apart from
 * decoding, since libvips would else shrink a large JPEG while it loads it, by another filter. Bytes equal training's
 * on the same processor architecture; between x64 and arm64 a few differ at some sizes, by a level or two.
 */
export const resize = (
  { data, width, height }: Picture,
  [left, top, cropWidth, cropHeight]: Region,
  input: { readonly width: number; readonly height: number },
): Promise<Buffer> =>
  sharp(data, { raw: { width, height, channels: 3 }, limitInputPixels: MAX_PIXELS })
    .extract({ left, top, width: cropWidth, height: cropHeight })
    .resize(input.width, input.height, { kernel: 'linear', fit: 'fill' })
    .raw()
    .toBuffer();

/** Whether an input of the model is one even colour. */
export const isBlank = (input: Uint8Array): boolean => {
  const count = input.length / 3;
  let sum = 0;
  let squares = 0;
  for (let at = 0; at + 2 < input.length; at += 3) {
    const luma = 0.299 * (input[at] ?? 0) + 0.587 * (input[at + 1] ?? 0) + 0.114 * (input[at + 2] ?? 0);
    sum += luma;
    squares += luma * luma;
  }
  const mean = sum / count;
  return squares / count - mean * mean < BLANK_DEVIATION ** 2;
};
