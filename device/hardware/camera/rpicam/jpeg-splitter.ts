// Splits a byte stream into JPEG files. Pure: it walks from marker to marker, and decodes nothing.

const MARKER = 0xff;
const SOI = 0xd8;
const EOI = 0xd9;
const SOS = 0xda;
const SOF0 = 0xc0;
const RST0 = 0xd0;
const RST7 = 0xd7;
const START = Buffer.of(MARKER, SOI);
const INITIAL_BYTES = 128 * 1024;

export interface JpegSplitterOptions {
  /** A file that is not complete after this many bytes is skipped. */
  readonly maxBytes: number;
  /** Receives each whole file, from its start marker to its end marker, in a separate buffer. */
  readonly onJpeg: (jpeg: Buffer) => void;
  /** Receives the bytes outside of files, in parts. A part is valid during the call. */
  readonly onOther: (bytes: Buffer) => void;
}

/**
 * Finds the JPEG files in a stream, and the bytes between them. An end marker inside a segment, for example of a
 * thumbnail, does not end a file. A file that is damaged or cut short counts as bytes outside of files.
 */
export class JpegSplitter {
  #bytes = Buffer.allocUnsafe(INITIAL_BYTES);
  /** Number of bytes that are kept. Inside of a file, they begin with its start marker. */
  #end = 0;
  /** Position of the next byte to examine. */
  #at = 0;
  #place: 'outside' | 'segments' | 'scan' = 'outside';

  constructor(private readonly options: JpegSplitterOptions) {}

  /** Reads the next bytes of the stream. */
  push(chunk: Buffer): void {
    this.#append(chunk);
    let isMoving = true;
    while (isMoving) isMoving = this.#step();
    if (this.#end > this.options.maxBytes) this.#dropOther(this.#end);
  }

  #append(chunk: Buffer): void {
    const end = this.#end + chunk.length;
    if (end > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(end, 2 * this.#bytes.length));
      this.#bytes.copy(larger, 0, 0, this.#end);
      this.#bytes = larger;
    }
    chunk.copy(this.#bytes, this.#end);
    this.#end = end;
  }

  /** Moves forward. Returns false if more bytes are needed. */
  #step(): boolean {
    if (this.#place === 'outside') return this.#findStart();
    return this.#place === 'segments' ? this.#passSegment() : this.#passScan();
  }

  #findStart(): boolean {
    const kept = this.#bytes.subarray(0, this.#end);
    const start = kept.indexOf(START);
    // The last byte may be the first half of a start marker.
    const end = start >= 0 ? start : this.#end - (kept.at(-1) === MARKER ? 1 : 0);
    this.#dropOther(end);
    if (start < 0) return false;
    this.#place = 'segments';
    this.#at = START.length;
    return true;
  }

  #passSegment(): boolean {
    const bytes = this.#bytes;
    if (this.#at >= this.#end) return false;
    if (bytes[this.#at] !== MARKER) return this.#skipFile();
    // Fill bytes may precede a marker.
    while (this.#at + 1 < this.#end && bytes[this.#at + 1] === MARKER) this.#at++;
    if (this.#at + 4 > this.#end) return false;
    const marker = bytes[this.#at + 1] ?? 0;
    const length = bytes.readUInt16BE(this.#at + 2);
    if (marker < SOF0 || (marker >= RST0 && marker <= EOI) || length < 2) return this.#skipFile();
    if (this.#at + 2 + length > this.#end) return false;
    this.#at += 2 + length;
    if (marker === SOS) this.#place = 'scan';
    return true;
  }

  #passScan(): boolean {
    const bytes = this.#bytes;
    for (;;) {
      const found = bytes.indexOf(MARKER, this.#at);
      this.#at = found < 0 || found > this.#end ? this.#end : found;
      if (this.#at + 1 >= this.#end) return false;
      const next = bytes[this.#at + 1] ?? 0;
      if (next === 0 || (next >= RST0 && next <= RST7)) this.#at += 2;
      else if (next === MARKER) this.#at += 1;
      else if (next === EOI) return this.#finishFile(this.#at + 2);
      else if (next === SOI) return this.#skipFile(this.#at);
      else {
        this.#place = 'segments';
        return true;
      }
    }
  }

  #finishFile(end: number): boolean {
    const jpeg = Buffer.from(this.#bytes.subarray(0, end));
    this.#drop(end);
    this.options.onJpeg(jpeg);
    return true;
  }

  /** Continues the search, by default after the start marker of this file. */
  #skipFile(end = START.length): boolean {
    this.#dropOther(end);
    return true;
  }

  #dropOther(end: number): void {
    if (end > 0) this.options.onOther(this.#bytes.subarray(0, end));
    this.#drop(end);
  }

  #drop(end: number): void {
    this.#bytes.copyWithin(0, end, this.#end);
    this.#end -= end;
    this.#at = 0;
    this.#place = 'outside';
  }
}
