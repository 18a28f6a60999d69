import type { FrameFormat } from '../../hardware/camera/camera.js';
import { type Answer, done, failed } from '../../kit/errors.js';

/** A decoded image: sRGB, 3 channels of 8 bits, row by row. */
export interface DecodedImage {
  readonly data: Buffer;
  readonly width: number;
  readonly height: number;
}

/** More than the 50 megapixels of a phone camera. Decoded, such an image needs 200 MB. */
export const MAX_PIXELS = 1 << 26;

type Yuv420 = Extract<FrameFormat, { kind: 'yuv420' }>;

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
  const minimum = kind === 'rgb' ? 3 * width : width;
  if (strideBytes < minimum) return `rows of ${strideBytes} bytes, but ${width} pixels need ${minimum}`;
  if (kind === 'yuv420' && strideBytes % 2 > 0)
    return `rows of ${strideBytes} bytes, but an even number is required`;
  // The last row may lack its padding.
  const needed =
    kind === 'rgb'
      ? strideBytes * (height - 1) + 3 * width
      : strideBytes * height + strideBytes * Math.ceil(height / 2) - (strideBytes / 2 - Math.ceil(width / 2));
  return bytes.length < needed
    ? `${bytes.length} bytes, but ${width} x ${height} pixels need ${needed}`
    : null;
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

/** Weights of red and blue in luma. `limited`: luma is in 16..235 and chroma in 16..240. */
const COLOURS = {
  'bt601-full': { red: 0.299, blue: 0.114, limited: false },
  'bt601-limited': { red: 0.299, blue: 0.114, limited: true },
  'bt709-limited': { red: 0.2126, blue: 0.0722, limited: true },
} as const;

const SHIFT = 16;
/** Added to each sum before the table lookup, to make it positive. Sums are between -290 and 547. */
const OFFSET = 320;
const LEVELS = 1024;

/** Returns the contribution of each value of Y, U and V to red, green and blue, in units of 1 / 2^16. */
const tablesOf = (colour: Yuv420['colour']) => {
  const { red, blue, limited } = COLOURS[colour];
  const [dark, lumaScale, chromaScale] = limited ? [16, 255 / 219, 255 / 224] : [0, 1, 1];
  const green = 1 - red - blue;
  const table = (of: (value: number) => number) =>
    Int32Array.from({ length: 256 }, (_, value) => Math.round(of(value) * (1 << SHIFT)));
  return {
    // Adding 0.5 makes the shift round to the nearest level.
    luma: table((y) => (y - dark) * lumaScale + OFFSET + 0.5),
    redOfV: table((v) => 2 * (1 - red) * (v - 128) * chromaScale),
    blueOfU: table((u) => 2 * (1 - blue) * (u - 128) * chromaScale),
    greenOfU: table((u) => ((-2 * blue * (1 - blue)) / green) * (u - 128) * chromaScale),
    greenOfV: table((v) => ((-2 * red * (1 - red)) / green) * (v - 128) * chromaScale),
    // Clamps here, because clamping at each output pixel takes twice the time.
    level: Uint8ClampedArray.from({ length: LEVELS }, (_, sum) => sum - OFFSET),
  };
};

/**
 * Converts to RGB. Each pixel uses the chroma sample of its 2 x 2 block. A level is the integer nearest to the real
 * number of the standard, which is computed with an error of at most 3 / 2^17. Levels are clamped to 0..255.
 */
const rgbOf = (bytes: Uint8Array, { width, height, strideBytes, colour }: Yuv420): Buffer => {
  const { luma, redOfV, blueOfU, greenOfU, greenOfV, level } = tablesOf(colour);
  const data = Buffer.allocUnsafe(3 * width * height);
  const half = strideBytes / 2;
  const uPlane = strideBytes * height;
  const vPlane = uPlane + half * Math.ceil(height / 2);
  for (let row = 0; row < height; row++) {
    let from = row * strideBytes;
    let at = row * 3 * width;
    let chroma = (row >> 1) * half;
    // Two pixels at a time. If the width is odd, the extra pixel is overwritten by the next row or is out of bounds.
    for (let column = 0; column < width; column += 2, chroma++) {
      const u = bytes[uPlane + chroma] ?? 0;
      const v = bytes[vPlane + chroma] ?? 0;
      const red = redOfV[v] ?? 0;
      const green = (greenOfU[u] ?? 0) + (greenOfV[v] ?? 0);
      const blue = blueOfU[u] ?? 0;
      for (let pixel = 0; pixel < 2; pixel++) {
        const y = luma[bytes[from++] ?? 0] ?? 0;
        data[at++] = level[(y + red) >> SHIFT] ?? 0;
        data[at++] = level[(y + green) >> SHIFT] ?? 0;
        data[at++] = level[(y + blue) >> SHIFT] ?? 0;
      }
    }
  }
  return data;
};
