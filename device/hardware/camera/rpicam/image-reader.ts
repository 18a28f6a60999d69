import { JpegSplitter } from './jpeg-splitter.js';

const MAX_RECORD_LENGTH = 16 * 1024;
/** An empty line ends a record. */
const RECORD_END = '\n\n';
const RECORD_MARK = '\nSensorTimestamp=';
/** Other bytes before a record are a damaged image. The record belongs to that one. */
const IS_TEXT = /^[\n -~]*$/;

/**
 * Reads images and their metadata records from one stream. With `-o - --metadata -`, rpicam-vid writes each record
 * right after the bytes of its image, from one thread (Output::OutputReady in output/output.cpp). An image whose record
 * is missing can therefore not get the record of another one: it is skipped at the start of the next image.
 */
export class ImageReader {
  /** Number of images so far, with and without a record. */
  images = 0;
  readonly #splitter: JpegSplitter;
  #jpeg: Buffer | null = null;
  #record = '';

  constructor(maxBytes: number, onImage: (jpeg: Buffer, record: string) => void) {
    this.#splitter = new JpegSplitter({
      maxBytes,
      onJpeg: (jpeg) => {
        this.images += 1;
        // The end of an image and the start of the next one are lost if a record lies between.
        this.#jpeg = jpeg.includes(RECORD_MARK) ? null : jpeg;
        this.#record = '';
      },
      onOther: (bytes) => {
        const jpeg = this.#jpeg;
        if (!jpeg) return;
        this.#record += bytes.toString('latin1');
        const end = this.#record.indexOf(RECORD_END);
        if (end < 0 && this.#record.length <= MAX_RECORD_LENGTH) return;
        this.#jpeg = null;
        const record = this.#record.slice(0, end + 1);
        if (end >= 0 && IS_TEXT.test(record)) onImage(jpeg, record);
      },
    });
  }

  push(chunk: Buffer): void {
    this.#splitter.push(chunk);
  }
}
