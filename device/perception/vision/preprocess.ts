import sharp from 'sharp';
import { type DecodedImage, MAX_PIXELS } from './raw.js';

/** x, y, width, height in pixels. */
export type Region = readonly [number, number, number, number];

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
