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
/** A damaged file is searched for the next start marker again if at most this many of its bytes were examined. */
const MAX_REPEATED_BYTES = 256;

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
  /** Numbers of bytes that were examined and moved. Both are proportional to the size of the stream. */
  readonly work = { examinedBytes: 0, movedBytes: 0 };
  #bytes = Buffer.allocUnsafe(INITIAL_BYTES);
  #end = 0;
  /** The bytes before this position were delivered. */
  #delivered = 0;
  /** Position of the start marker of a file. Outside of files, the search continues here. */
  #start = 0;
  /** Inside of a file, the position of the next byte to examine. */
  #at = 0;
  #examinedBefore = 0;
  #place: 'outside' | 'segments' | 'scan' = 'outside';

  constructor(private readonly options: JpegSplitterOptions) {}

  /** Reads the next bytes of the stream. */
  push(chunk: Buffer): void {
    this.#append(chunk);
    let isMoving = true;
    while (isMoving) isMoving = this.#step();
    if (this.#end - this.#start > this.options.maxBytes) this.#searchFrom(this.#end);
    this.#deliverOther();
  }

  #append(chunk: Buffer): void {
    if (this.#end + chunk.length > this.#bytes.length) this.#makeSpace(chunk.length);
    chunk.copy(this.#bytes, this.#end);
    this.#end += chunk.length;
  }

  /** Afterwards, half of the buffer is free. A byte is therefore moved twice on average, at most. */
  #makeSpace(size: number): void {
    const kept = this.#bytes.subarray(this.#delivered, this.#end);
    const wanted = 2 * (kept.length + size);
    if (wanted > this.#bytes.length) this.#bytes = Buffer.allocUnsafe(wanted);
    kept.copy(this.#bytes);
    this.work.movedBytes += kept.length;
    this.#end = kept.length;
    this.#start -= this.#delivered;
    this.#at -= this.#delivered;
    this.#delivered = 0;
  }

  /** Moves forward. Returns false if more bytes are needed. */
  #step(): boolean {
    if (this.#place === 'outside') return this.#findStart();
    return this.#place === 'segments' ? this.#passSegment() : this.#passScan();
  }

  #findStart(): boolean {
    const rest = this.#bytes.subarray(this.#start, this.#end);
    const found = rest.indexOf(START);
    // The last byte may be the first half of a start marker.
    const skipped = found >= 0 ? found : rest.length - (rest.at(-1) === MARKER ? 1 : 0);
    this.work.examinedBytes += skipped;
    this.#start += skipped;
    if (found < 0) return false;
    this.#examinedBefore = this.work.examinedBytes;
    this.#place = 'segments';
    this.#moveTo(this.#start, START.length);
    return true;
  }

  #passSegment(): boolean {
    const bytes = this.#bytes;
    if (this.#at >= this.#end) return false;
    if (bytes[this.#at] !== MARKER) return this.#skipFile();
    // Fill bytes may precede a marker.
    while (this.#at + 1 < this.#end && bytes[this.#at + 1] === MARKER) this.#moveTo(this.#at, 1);
    if (this.#at + 4 > this.#end) return false;
    const marker = bytes[this.#at + 1] ?? 0;
    const length = bytes.readUInt16BE(this.#at + 2);
    if (marker < SOF0 || (marker >= RST0 && marker <= EOI) || length < 2) return this.#skipFile();
    if (this.#at + 2 + length > this.#end) return false;
    this.#moveTo(this.#at + length - 2, 4);
    if (marker === SOS) this.#place = 'scan';
    return true;
  }

  #passScan(): boolean {
    const bytes = this.#bytes.subarray(0, this.#end);
    for (;;) {
      const found = bytes.indexOf(MARKER, this.#at);
      this.#moveTo(this.#at, (found < 0 ? this.#end : found) - this.#at);
      if (this.#at + 1 >= this.#end) return false;
      const next = bytes[this.#at + 1] ?? 0;
      if (next === 0 || (next >= RST0 && next <= RST7)) this.#moveTo(this.#at, 2);
      else if (next === MARKER) this.#moveTo(this.#at, 1);
      else if (next === EOI) return this.#finishFile(this.#at + 2);
      else if (next === SOI) return this.#searchFrom(this.#at);
      else {
        this.#place = 'segments';
        return true;
      }
    }
  }

  /** Continues after `examined` bytes from `position`. */
  #moveTo(position: number, examined: number): void {
    this.#at = position + examined;
    this.work.examinedBytes += examined;
  }

  #finishFile(end: number): boolean {
    this.#deliverOther();
    const jpeg = Buffer.from(this.#bytes.subarray(this.#start, end));
    this.#delivered = end;
    this.options.onJpeg(jpeg);
    return this.#searchFrom(end);
  }

  /**
   * Continues the search after the start marker of this file, or after the examined bytes if they are many. Without this
   * limit, a stream can have its bytes examined again for each of its start markers.
   */
  #skipFile(): boolean {
    const examined = this.work.examinedBytes - this.#examinedBefore;
    return this.#searchFrom(examined > MAX_REPEATED_BYTES ? this.#at : this.#start + START.length);
  }

  #searchFrom(position: number): boolean {
    this.#start = position;
    this.#place = 'outside';
    return true;
  }

  #deliverOther(): void {
    if (this.#start > this.#delivered)
      this.options.onOther(this.#bytes.subarray(this.#delivered, this.#start));
    this.#delivered = this.#start;
  }
}
