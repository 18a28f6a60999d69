import sharp from 'sharp';
import { histogramOf, lumaOf } from './luma.js';
import type { DecodedImage } from './raw.js';
import type { FrameQuality } from './vision.js';

/** Levels from black and from white that count as clipped, because JPEG changes levels slightly. */
const CLIPPED_LEVELS = 3;
const JPEG_QUALITY = 90;

/** Measures an image. */
export const qualityOf = ({ data, width, height }: DecodedImage): FrameQuality => {
  const luma = lumaOf(data);
  const histogram = histogramOf(luma);
  const sum = histogram.reduce((total, count, level) => total + count * level, 0);
  const shareOf = (levels: Uint32Array) => levels.reduce((total, count) => total + count, 0) / luma.length;
  return {
    width,
    height,
    sharpness: laplacianVariance(luma, width, height),
    meanLuma: sum / luma.length,
    darkShare: shareOf(histogram.subarray(0, CLIPPED_LEVELS + 1)),
    brightShare: shareOf(histogram.subarray(255 - CLIPPED_LEVELS)),
  };
};

/** Returns the variance of the Laplacian (kernel 0 1 0, 1 -4 1, 0 1 0) over the inner pixels. 0 if there are none. */
const laplacianVariance = (luma: Uint8Array, width: number, height: number): number => {
  let sum = 0;
  let squares = 0;
  for (let row = 1; row < height - 1; row++) {
    for (let at = row * width + 1; at < (row + 1) * width - 1; at++) {
      const around =
        (luma[at - width] ?? 0) + (luma[at - 1] ?? 0) + (luma[at + 1] ?? 0) + (luma[at + width] ?? 0);
      const value = around - 4 * (luma[at] ?? 0);
      sum += value;
      squares += value * value;
    }
  }
  const count = Math.max(0, width - 2) * Math.max(0, height - 2);
  return count === 0 ? 0 : squares / count - (sum / count) ** 2;
};

/** Encodes an image as a JPEG file, scaled down to `maxSide` pixels. null: not scaled. */
export const jpegOf = ({ data, width, height }: DecodedImage, maxSide: number | null): Promise<Buffer> => {
  const image = sharp(data, { raw: { width, height, channels: 3 } });
  if (maxSide !== null)
    image.resize({ width: maxSide, height: maxSide, fit: 'inside', withoutEnlargement: true });
  return image.jpeg({ quality: JPEG_QUALITY }).toBuffer();
};
