import sharp from 'sharp';
import type { FrameFormat } from '../../hardware/camera/camera.js';
import { completeJpeg } from '../../hardware/camera/jpeg.js';
import { type Answer, done, failed, messageOf } from '../../kit/errors.js';
import { type DecodedImage, MAX_PIXELS, unpack } from './raw.js';

const MAX_BYTES = 32 << 20;
/** A JPEG has at least one bit for each block of 8 x 8 pixels. */
const MAX_JPEG_PIXELS_PER_BYTE = 512;

/** Warnings of libjpeg about images that have all their pixels. libvips reports the first warning and their number. */
const HARMLESS = [
  // Samsung phones write these parameters. Another warning means damage.
  /read gave 1 warnings.*Invalid SOS parameters/,
  // Logitech webcams pad the intervals between restart markers. Damage leaves more bytes.
  /: ([1-9]|1[0-6]) extraneous bytes before marker 0xd[0-9]/,
];

/** Limits the threads and the memory of libvips, for the whole process. */
export const limitDecoder = (): void => {
  sharp.concurrency(1);
  sharp.cache(false);
};

/**
 * Decodes a frame: JPEG, PNG or WebP, or raw bytes if `format` is given. The orientation of EXIF data is applied. Raw bytes
 * have none. A truncated or damaged frame is a fault.
 */
export const decode = async (
  bytes: Uint8Array,
  format?: FrameFormat,
): Promise<Answer<DecodedImage, 'picture-broken'>> => {
  if (format) return unpack(bytes, format);
  const broken = (problem: string) =>
    failed('picture-broken', `the image (${bytes.length} bytes) ${problem}. Check the camera or the file.`);
  if (bytes.length > MAX_BYTES) return broken(`is larger than ${MAX_BYTES} bytes`);
  if (!isSupportedFormat(bytes)) return broken('is not a JPEG, PNG or WebP file');
  try {
    const image = sharp(completeJpeg(bytes), { failOn: 'error', limitInputPixels: MAX_PIXELS });
    const warnings: string[] = [];
    image.on('warning', (text: string) => warnings.push(text));
    const { format: kind, width: wide, height: high, orientation = 1 } = await image.metadata();
    // A damaged header must not cost the memory of 60 megapixels.
    if (kind === 'jpeg' && wide * high > MAX_JPEG_PIXELS_PER_BYTE * bytes.length)
      return broken(`is too short for ${wide} x ${high} pixels`);
    if (orientation !== 1) image.autoOrient();
    const { data, info } = await image
      .removeAlpha()
      .toColourspace('srgb')
      .raw()
      .toBuffer({ resolveWithObject: true });
    const damage = damageIn(oneLine(warnings.join(' ')));
    if (damage) return broken(`is damaged (${damage})`);
    if (info.channels !== 3) return broken(`has ${info.channels} channels instead of 3`);
    return done({ data, width: info.width, height: info.height });
  } catch (thrown) {
    return broken(`cannot be decoded (${oneLine(messageOf(thrown))})`);
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

/** Returns the first warning of the JPEG decoder, unless it is harmless. */
const damageIn = (warnings: string): string | undefined =>
  HARMLESS.some((harmless) => harmless.test(warnings)) ? undefined : /VipsJpeg: .*/.exec(warnings)?.[0];

const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim();
