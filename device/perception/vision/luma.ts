/** Returns the luma of each pixel (BT.601, 0 to 255) of an image of 3 channels. */
export const lumaOf = (rgb: Uint8Array): Uint8Array => {
  const luma = new Uint8Array(Math.floor(rgb.length / 3));
  for (let pixel = 0, at = 0; pixel < luma.length; pixel++, at += 3) {
    luma[pixel] = 0.299 * (rgb[at] ?? 0) + 0.587 * (rgb[at + 1] ?? 0) + 0.114 * (rgb[at + 2] ?? 0) + 0.5;
  }
  return luma;
};

/** Returns how many pixels have each level. */
export const histogramOf = (luma: Uint8Array): Uint32Array => {
  const histogram = new Uint32Array(256);
  for (const level of luma) histogram[level] = (histogram[level] ?? 0) + 1;
  return histogram;
};
