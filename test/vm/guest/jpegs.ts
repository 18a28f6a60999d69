import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../../device/kit/root.js';

/** A whole image, as most cameras send it. */
export const JPEG = readFileSync(join(packageRoot(), 'test/samples/cardboard/cardboard85.jpg'));

const START = JPEG.subarray(0, 2);
const DHT = 0xc4;
const SOS = 0xda;

/** Splits a JPEG into its segments of tables, and the scan. */
const split = (jpeg: Buffer): { tables: Buffer[]; scan: Buffer } => {
  const tables: Buffer[] = [];
  let at = START.length;
  while (jpeg[at + 1] !== SOS) {
    const end = at + 2 + jpeg.readUInt16BE(at + 2);
    tables.push(jpeg.subarray(at, end));
    at = end;
  }
  return { tables, scan: jpeg.subarray(at) };
};

/** Returns the image with a comment that contains a number, so that a test can tell frames apart. */
export const numbered = (number: number, jpeg = JPEG): Buffer => {
  const comment = Buffer.from([0xff, 0xfe, 0, 6, 0, 0, 0, 0]);
  comment.writeUInt32BE(number, 4);
  return Buffer.concat([START, comment, jpeg.subarray(START.length)]);
};

/** Returns the number of a numbered image. */
export const numberOf = (jpeg: Buffer): number => jpeg.readUInt32BE(START.length + 4);

/** The image without Huffman tables, as many USB cameras send it. */
export const WITHOUT_TABLES = (() => {
  const { tables, scan } = split(JPEG);
  return Buffer.concat([START, ...tables.filter((table) => table[1] !== DHT), scan]);
})();

/** The image without its second half. */
export const TRUNCATED = JPEG.subarray(0, JPEG.length >> 1);

/** Bytes of the same length that are no JPEG. */
export const GARBAGE = Buffer.alloc(JPEG.length, 0xa5);

export const EMPTY = Buffer.alloc(0);
