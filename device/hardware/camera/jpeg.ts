// Repairs JPEG frames that a camera sends incomplete. Pure: no image is decoded here.

const SOI = 0xd8;
const EOI = 0xd9;
const SOF0 = 0xc0;
const DHT = 0xc4;
const SOS = 0xda;
const RST0 = 0xd0;
const RST7 = 0xd7;

/** The standard Huffman tables, ITU-T T.81, Annex K.3. Decoders of Motion JPEG know them, other programs do not. */
const STANDARD_TABLES = [
  // luma, DC: class and number, codes of each length, values.
  '00',
  '00010501010101010100000000000000',
  '000102030405060708090a0b',
  // luma, AC: class and number, codes of each length, values.
  '10',
  '0002010303020403050504040000017d',
  '01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728',
  '292a3435363738393a434445464748494a535455565758595a636465666768696a737475767778797a83848586878889',
  '8a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2',
  'e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9fa',
  // chroma, DC: class and number, codes of each length, values.
  '01',
  '00030101010101010101010000000000',
  '000102030405060708090a0b',
  // chroma, AC: class and number, codes of each length, values.
  '11',
  '00020102040403040705040400010277',
  '000102031104052131061241510761711322328108144291a1b1c109233352f0156272d10a162434e125f11718191a26',
  '2728292a35363738393a434445464748494a535455565758595a636465666768696a737475767778797a828384858687',
  '88898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9da',
  'e2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9fa',
].join('');

const TABLES_SEGMENT = Buffer.from(`ffc401a2${STANDARD_TABLES}`, 'hex');
const END_MARKER = Uint8Array.of(0xff, EOI);

/**
 * Returns the JPEG as a whole file. If a baseline JPEG has no Huffman tables, the standard ones are inserted before its
 * scan. A missing end marker is added, and bytes after the end are cut. Returns `bytes` if nothing is missing, and if
 * they are not a JPEG or their segments are damaged. Never throws.
 */
export const completeJpeg = (bytes: Uint8Array): Uint8Array => {
  const layout = layoutOf(bytes);
  if (!layout) return bytes;
  const { scanAt, needsTables, end, hasEnd } = layout;
  if (!needsTables && hasEnd && end === bytes.length) return bytes;
  return Buffer.concat([
    bytes.subarray(0, scanAt),
    ...(needsTables ? [TABLES_SEGMENT] : []),
    bytes.subarray(scanAt, end),
    ...(hasEnd ? [] : [END_MARKER]),
  ]);
};

interface Layout {
  /** Position of the marker of the first scan. */
  readonly scanAt: number;
  readonly needsTables: boolean;
  /** Position after the end marker. Without one, the number of bytes. */
  readonly end: number;
  readonly hasEnd: boolean;
}

/** Walks from marker to marker. Each step moves forward. Returns null if a segment is damaged or cut short. */
const layoutOf = (bytes: Uint8Array): Layout | null => {
  if (bytes[0] !== 0xff || bytes[1] !== SOI) return null;
  let scanAt = -1;
  let isBaseline = false;
  let hasTables = false;
  const layout = (end: number, hasEnd: boolean) =>
    scanAt < 0 ? null : { scanAt, needsTables: isBaseline && !hasTables, end, hasEnd };
  let at = 2;
  while (at < bytes.length) {
    const markerAt = at;
    if (bytes[at] !== 0xff) return null;
    // Fill bytes may precede a marker.
    while (bytes[at] === 0xff) at++;
    const marker = bytes[at++] ?? 0;
    if (marker === EOI) return layout(at, true);
    const length = segmentLength(bytes, marker, at);
    if (length === null) return null;
    at += length;
    if (marker === SOF0) isBaseline = true;
    if (marker === DHT && scanAt < 0) hasTables = true;
    if (marker === SOS) {
      if (scanAt < 0) scanAt = markerAt;
      at = scanEnd(bytes, at);
    }
  }
  return layout(bytes.length, false);
};

/** Returns the length of the segment of a marker. null: the segment is cut short, or this marker has none. */
const segmentLength = (bytes: Uint8Array, marker: number, at: number): number | null => {
  // RST, SOI, TEM and the reserved markers are not allowed between segments.
  if (marker < SOF0 || (marker >= RST0 && marker <= EOI)) return null;
  const length = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  return length >= 2 && at + length <= bytes.length ? length : null;
};

/** Returns the position of the marker that ends the data of a scan. Without one, the number of bytes. */
const scanEnd = (bytes: Uint8Array, from: number): number => {
  for (let at = bytes.indexOf(0xff, from); at >= 0; at = bytes.indexOf(0xff, at + 1)) {
    const next = bytes[at + 1] ?? 0;
    const isData = next === 0 || next === 0xff || (next >= RST0 && next <= RST7);
    if (!isData) return at;
  }
  return bytes.length;
};
