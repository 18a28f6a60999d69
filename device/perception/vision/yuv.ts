import type { FrameFormat, YuvColour } from '../../hardware/camera/camera.js';

type YuvFormat = Extract<FrameFormat, { colour: YuvColour }>;

/** Weights of red and blue in luma. `limited`: luma is in 16..235 and chroma in 16..240. */
const COLOURS = {
  'bt601-full': { red: 0.299, blue: 0.114, limited: false },
  'bt601-limited': { red: 0.299, blue: 0.114, limited: true },
  'bt709-full': { red: 0.2126, blue: 0.0722, limited: false },
  'bt709-limited': { red: 0.2126, blue: 0.0722, limited: true },
} as const;

const SHIFT = 16;
/** Added to each sum before the table lookup, to make it positive. Sums are between -290 and 547. */
const OFFSET = 320;
const LEVELS = 1024;

/** Returns the contribution of each value of Y, U and V to red, green and blue, in units of 1 / 2^16. */
const tablesOf = (colour: YuvColour) => {
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

/** The places of the samples in the bytes of a frame. U and V have the same steps. */
const placesOf = ({ kind, height, strideBytes }: YuvFormat) => {
  if (kind === 'yuyv') {
    return { lumaStep: 2, u: 1, v: 3, chromaStep: 4, chromaStride: strideBytes, rowShift: 0 };
  }
  const half = strideBytes / 2;
  const u = strideBytes * height;
  const v = u + half * Math.ceil(height / 2);
  return { lumaStep: 1, u, v, chromaStep: 1, chromaStride: half, rowShift: 1 };
};

/**
 * Converts to RGB. Each pixel uses the chroma sample of its pair or of its 2 x 2 block. A level is the integer nearest
 * to the real number of the standard, which is computed with an error of at most 3 / 2^17. Levels are clamped to 0..255.
 */
export const rgbOf = (bytes: Uint8Array, format: YuvFormat): Buffer => {
  const { width, height, strideBytes, colour } = format;
  const { luma, redOfV, blueOfU, greenOfU, greenOfV, level } = tablesOf(colour);
  const { lumaStep, u: uStart, v: vStart, chromaStep, chromaStride, rowShift } = placesOf(format);
  const data = Buffer.allocUnsafe(3 * width * height);
  for (let row = 0; row < height; row++) {
    let from = row * strideBytes;
    let at = row * 3 * width;
    let chroma = (row >> rowShift) * chromaStride;
    // Two pixels at a time. If the width is odd, the extra pixel is overwritten by the next row or is out of bounds.
    for (let column = 0; column < width; column += 2, chroma += chromaStep) {
      const u = bytes[uStart + chroma] ?? 0;
      const v = bytes[vStart + chroma] ?? 0;
      const red = redOfV[v] ?? 0;
      const green = (greenOfU[u] ?? 0) + (greenOfV[v] ?? 0);
      const blue = blueOfU[u] ?? 0;
      for (let pixel = 0; pixel < 2; pixel++, from += lumaStep) {
        const y = luma[bytes[from] ?? 0] ?? 0;
        data[at++] = level[(y + red) >> SHIFT] ?? 0;
        data[at++] = level[(y + green) >> SHIFT] ?? 0;
        data[at++] = level[(y + blue) >> SHIFT] ?? 0;
      }
    }
  }
  return data;
};
