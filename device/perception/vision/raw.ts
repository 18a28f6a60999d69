import type { FrameFormat } from '../../hardware/camera/camera.js';
import { type Answer, done, failed } from '../../kit/errors.js';
import { rgbOf } from './yuv.js';

/** A decoded image: sRGB, 3 channels of 8 bits, row by row. */
export interface DecodedImage {
  readonly data: Buffer;
  readonly width: number;
  readonly height: number;
}

/** More than the 50 megapixels of a phone camera. Decoded, such an image needs 200 MB. */
export const MAX_PIXELS = 1 << 26;

/** Returns the image in a raw frame, without the padding of the rows. */
export const unpack = (bytes: Uint8Array, format: FrameFormat): Answer<DecodedImage, 'picture-broken'> => {
  const problem = problemOf(bytes, format);
  if (problem)
    return failed(
      'picture-broken',
      `the ${format.kind} frame has ${problem}. Check the settings of the camera.`,
    );
  const { width, height } = format;
  const data = format.kind === 'rgb' ? withoutPadding(bytes, format) : rgbOf(bytes, format);
  return done({ data, width, height });
};

const problemOf = (bytes: Uint8Array, format: FrameFormat): string | null => {
  const { kind, width, height, strideBytes } = format;
  for (const [name, value] of Object.entries({ width, height, strideBytes })) {
    if (!Number.isInteger(value) || value < 1) return `${name} ${value}, but at least 1 is required`;
  }
  if (width * height > MAX_PIXELS)
    return `${width} x ${height} pixels, but at most ${MAX_PIXELS} are allowed`;
  const minimum = rowBytesOf(format);
  if (strideBytes < minimum) return `rows of ${strideBytes} bytes, but ${width} pixels need ${minimum}`;
  if (kind === 'yuv420' && strideBytes % 2 > 0)
    return `rows of ${strideBytes} bytes, but an even number is required`;
  // The last row may lack its padding.
  const needed =
    kind === 'yuv420'
      ? strideBytes * height + strideBytes * Math.ceil(height / 2) - (strideBytes / 2 - Math.ceil(width / 2))
      : strideBytes * (height - 1) + minimum;
  return bytes.length < needed
    ? `${bytes.length} bytes, but ${width} x ${height} pixels need ${needed}`
    : null;
};

/** Returns the bytes of a row without its padding. For planes, of a row of Y. */
const rowBytesOf = ({ kind, width }: FrameFormat): number => {
  switch (kind) {
    case 'rgb':
      return 3 * width;
    case 'yuv420':
      return width;
    case 'yuyv':
      return 4 * Math.ceil(width / 2);
  }
};

const withoutPadding = (
  bytes: Uint8Array,
  { width, height, strideBytes }: Extract<FrameFormat, { kind: 'rgb' }>,
): Buffer => {
  const data = Buffer.allocUnsafe(3 * width * height);
  for (let row = 0; row < height; row++) {
    data.set(bytes.subarray(row * strideBytes, row * strideBytes + 3 * width), row * 3 * width);
  }
  return data;
};
