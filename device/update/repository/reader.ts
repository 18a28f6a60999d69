import type { Clock } from '../../kit/clock.js';
import { linkedSignal } from '../../kit/deadline.js';
import { publicUrl, RepositoryError } from './errors.js';
import type { FileStream } from './file-stream.js';
import { Pace, type PaceLimits } from './pace.js';
import { openFile, sourceError } from './source.js';

/** Receives a file in chunks. What it throws ends the transfer. */
export interface Sink {
  /** Position from which on the file is needed. */
  readonly offset: number;
  start(stream: FileStream): Promise<void>;
  write(chunk: Uint8Array): Promise<void>;
}

/** Reads files of a repository: one attempt each, and every wait is limited. */
export class Reader {
  constructor(
    private readonly clock: Clock,
    private readonly limits: PaceLimits,
  ) {}

  /** Reads a file into `sink`. @throws RepositoryError, or the signal's reason */
  async read(url: URL, sink: Sink, signal: AbortSignal): Promise<void> {
    const transfer = linkedSignal(signal);
    try {
      await this.#read(url, sink, transfer.signal);
    } catch (thrown) {
      signal.throwIfAborted();
      if (thrown instanceof RepositoryError && thrown.code === 'update-too-slow') {
        throw new RepositoryError(thrown.code, `${publicUrl(url)}: ${thrown.message}`, { cause: thrown });
      }
      throw sourceError(url, thrown);
    } finally {
      transfer.abort();
      transfer.release();
    }
  }

  /** Reads a file of at most `maxBytes` into memory. @throws RepositoryError, or the signal's reason */
  async readBytes(url: URL, maxBytes: number, signal: AbortSignal): Promise<Buffer> {
    const chunks: Uint8Array[] = [];
    let length = 0;
    const check = (bytes: number) => {
      if (bytes <= maxBytes) return;
      throw new RepositoryError(
        'update-metadata-invalid',
        `${publicUrl(url)}: more than the ${maxBytes} bytes that are allowed`,
      );
    };
    const sink: Sink = {
      offset: 0,
      start: async ({ bytes }) => check(bytes ?? 0),
      write: async (chunk) => {
        length += chunk.length;
        check(length);
        chunks.push(chunk);
      },
    };
    await this.read(url, sink, signal);
    return Buffer.concat(chunks);
  }

  async #read(url: URL, sink: Sink, signal: AbortSignal): Promise<void> {
    const pace = new Pace(this.clock, this.limits);
    const stream = await pace.wait(openFile(url, sink.offset, signal), signal);
    await sink.start(stream);
    const chunks = stream.body[Symbol.asyncIterator]();
    for (;;) {
      const { done, value } = await pace.wait(chunks.next(), signal);
      if (done) return;
      await sink.write(value);
      await pace.received(value.length, signal);
    }
  }
}
