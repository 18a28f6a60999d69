/** Returns a JPEG without its segments of a kind, for example 0xc4 for the Huffman tables. */
export const withoutSegments = (jpeg: Uint8Array, kind: number): Buffer => {
  const kept = [jpeg.subarray(0, 2)];
  let at = 2;
  for (let marker = 0; marker !== 0xda; ) {
    marker = jpeg[at + 1] ?? 0xda;
    const end = at + 2 + (((jpeg[at + 2] ?? 0) << 8) | (jpeg[at + 3] ?? 0));
    if (marker !== kind) kept.push(jpeg.subarray(at, end));
    at = end;
  }
  return Buffer.concat([...kept, jpeg.subarray(at)]);
};

/** Returns the position of the first byte after the header of the last scan of a JPEG. */
export const scanDataAt = (jpeg: Uint8Array): number => {
  const at = Buffer.from(jpeg).lastIndexOf(Buffer.of(0xff, 0xda));
  return at + 2 + (((jpeg[at + 2] ?? 0) << 8) | (jpeg[at + 3] ?? 0));
};

/** Returns the JPEG with a comment of ASCII characters. */
export const withComment = (jpeg: Buffer, text: string): Buffer => {
  const head = Buffer.of(0xff, 0xfe, 0, text.length + 2);
  return Buffer.concat([jpeg.subarray(0, 2), head, Buffer.from(text), jpeg.subarray(2)]);
};
