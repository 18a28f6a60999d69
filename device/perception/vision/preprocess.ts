import sharp from 'sharp';
import type { FrameFormat } from '../../hardware/camera/camera.js';
import { type Answer, done, failed, messageOf } from '../../kit/errors.js';
import { type DecodedImage, MAX_PIXELS, unpack } from './raw.js';

/** x, y, width, height in pixels. */
export type Region = readonly [number, number, number, number];

const MAX_BYTES = 32 << 20;
/** Standard deviation of luma, out of 255. Below it the image is blank: a covered lens or a defective sensor. */
const BLANK_DEVIATION = 2;

/** Limits the threads and the memory of libvips, for the whole process. */
export const limitDecoder = (): void => {
  sharp.concurrency(1);
  sharp.cache(false);
};

/** Decodes a frame: JPEG, PNG or WebP, or raw bytes if `format` is given. A truncated frame is a fault. */
export const decode = async (
  bytes: Uint8Array,
  format?: FrameFormat,
): Promise<Answer<DecodedImage, 'picture-broken'>> => {
  if (format) return unpack(bytes, format);
  const broken = (problem: string) =>
    failed('picture-broken', `the image (${bytes.length} bytes) ${problem}. Check the camera.`);
  if (bytes.length > MAX_BYTES) return broken(`is larger than ${MAX_BYTES} bytes`);
  if (!isSupportedFormat(bytes)) return broken('is not a JPEG, PNG or WebP file');
  try {
    const { data, info } = await sharp(bytes, { failOn: 'error', limitInputPixels: MAX_PIXELS })
      .removeAlpha()
      .toColourspace('srgb')
      .raw()
      .toBuffer({ resolveWithObject: true });
    if (info.channels !== 3) return broken(`has ${info.channels} channels instead of 3`);
    return done({ data, width: info.width, height: info.height });
  } catch (thrown) {
    return broken(`cannot be decoded (${messageOf(thrown).replace(/\s+/g, ' ')})`);
  }
};

/** Checks the first bytes, because libvips would also decode a dozen other formats. */
const isSupportedFormat = (bytes: Uint8Array): boolean => {
  const text = (from: number, to: number) => Buffer.from(bytes.subarray(from, to)).toString('latin1');
  return (
    text(0, 3) === '\xff\xd8\xff' ||
    text(0, 8) === '\x89PNG\r\n\x1a\n' ||
    (text(0, 4) === 'RIFF' && text(8, 12) === 'WEBP')
  );
};

/** Returns the part of the image that contains the item: at present, the whole image. */
export const findRegion = ({ width, height }: DecodedImage): Region => [0, 0, width, height];

/** Returns the centre crop of a region. `fraction` applies to both sides. */
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
 * Resizes a part of an image to the model's input as training does: linear, without keeping the aspect ratio. It is
 * separate from decoding, because libvips would otherwise shrink a large JPEG with a different filter during decoding.
 * On the same processor architecture, the bytes are identical to those of training. Between x64 and arm64, a few bytes
 * differ by one or two levels at some sizes.
 */
export const resize = (
  { data, width, height }: DecodedImage,
  [left, top, cropWidth, cropHeight]: Region,
  input: { readonly width: number; readonly height: number },
): Promise<Buffer> =>
  sharp(data, { raw: { width, height, channels: 3 }, limitInputPixels: MAX_PIXELS })
    .extract({ left, top, width: cropWidth, height: cropHeight })
    .resize(input.width, input.height, { kernel: 'linear', fit: 'fill' })
    .raw()
    .toBuffer();

/** Returns whether an input of the model has only one colour. */
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
