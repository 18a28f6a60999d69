import type { FrameFormat } from '../../hardware/camera/camera.js';
import { type Answer, done, failed } from '../../kit/errors.js';

/** A decoded picture: sRGB, 8 bits, 3 channels, row by row. */
export interface Picture {
  readonly data: Buffer;
  readonly width: number;
  readonly height: number;
}

/** Above the 50 megapixels of a phone; 200 MB once decoded, in a child. */
export const MAX_PIXELS = 1 << 26;

type Yuv420 = Extract<FrameFormat, { kind: 'yuv420' }>;

/** The picture in a raw frame's bytes, without the padding of its rows. */
export const unpack = (bytes: Uint8Array, format: FrameFormat): Answer<Picture, 'picture-broken'> => {
  const wrong = problem(bytes, format);
  if (wrong)
    return failed('picture-broken', `the ${format.kind} frame ${wrong}; check the camera's settings`);
  const { width, height } = format;
  const data = format.kind === 'rgb' ? withoutPadding(bytes, format) : rgbOf(bytes, format);
  return done({ data, width, height });
};

const problem = (bytes: Uint8Array, format: FrameFormat): string | null => {
  const { kind, width, height, strideBytes } = format;
  for (const [name, value] of Object.entries({ width, height, strideBytes })) {
    if (!Number.isInteger(value) || value < 1) return `has a ${name} of ${value}; it must be 1 or more`;
  }
  if (width * height > MAX_PIXELS) return `has ${width} x ${height} pixels; at most ${MAX_PIXELS} are taken`;
  const least = kind === 'rgb' ? 3 * width : width;
  if (strideBytes < least) return `has rows of ${strideBytes} bytes; ${width} pixels need ${least}`;
  if (kind === 'yuv420' && strideBytes % 2 > 0) return `has rows of ${strideBytes} bytes; they must be even`;
  // The last row may lack its padding.
  const needed =
    kind === 'rgb'
      ? strideBytes * (height - 1) + 3 * width
      : strideBytes * height + strideBytes * Math.ceil(height / 2) - (strideBytes / 2 - Math.ceil(width / 2));
  return bytes.length < needed ? `has ${bytes.length} bytes; ${width} x ${height} need ${needed}` : null;
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

/** Weights of red and blue in luma, and whether luma keeps to 16..235 and chroma to 16..240. */
const COLOURS = {
  'bt601-full': { red: 0.299, blue: 0.114, limited: false },
  'bt601-limited': { red: 0.299, blue: 0.114, limited: true },
  'bt709-limited': { red: 0.2126, blue: 0.0722, limited: true },
} as const;

const SHIFT = 16;
/** Added before a sum looks its level up, so that no sum is below zero: the least is -290, the greatest 547. */
const OFFSET = 320;
const LEVELS = 1024;

/** What each value of Y, U and V adds to red, green and blue, as whole numbers of 1 / 2^16. */
const tablesOf = (colour: Yuv420['colour']) => {
  const { red, blue, limited } = COLOURS[colour];
  const [dark, lumaScale, chromaScale] = limited ? [16, 255 / 219, 255 / 224] : [0, 1, 1];
  const green = 1 - red - blue;
  const table = (of: (value: number) => number) =>
    Int32Array.from({ length: 256 }, (_, value) => Math.round(of(value) * (1 << SHIFT)));
  return {
    // The half makes the shift round to the nearest level.
    luma: table((y) => (y - dark) * lumaScale + OFFSET + 0.5),
    redOfV: table((v) => 2 * (1 - red) * (v - 128) * chromaScale),
    blueOfU: table((u) => 2 * (1 - blue) * (u - 128) * chromaScale),
    greenOfU: table((u) => ((-2 * blue * (1 - blue)) / green) * (u - 128) * chromaScale),
    greenOfV: table((v) => ((-2 * red * (1 - red)) / green) * (v - 128) * chromaScale),
    // Clamps once here: an output that clamps takes twice the time.
    level: Uint8ClampedArray.from({ length: LEVELS }, (_, sum) => sum - OFFSET),
  };
};

/**
 * Each pixel takes the chroma sample of its block of 2 x 2; a level is the nearest to the standard's real number, to
 * 3 parts in 2^17, and kept to 0..255.
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
    // By pairs of pixels; of an odd width the last pair's second is overwritten by the next row, or out of bounds.
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
