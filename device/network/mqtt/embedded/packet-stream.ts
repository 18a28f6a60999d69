import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { messageOf } from '../../../kit/errors.js';
import { PacketSplitter } from './packet-splitter.js';

type Done = (error?: Error | null) => void;

/**
 * The connection of a client, as aedes reads it: at most 64 whole packets at a time, and the next ones when aedes has
 * processed these. aedes reads a socket without waiting for that, and buffers packets of up to 256 MB. The socket needs
 * `allowHalfOpen`, because packets may be left to process after its end.
 */
export class PacketStream extends Duplex {
  readonly #packets: PacketSplitter;
  #isWanted = false;
  #isEnded = false;

  constructor(
    private readonly socket: Socket,
    maxPacketBytes: number,
  ) {
    // With a mark of 0, a stream reads ahead nothing.
    super({ readableHighWaterMark: 0, allowHalfOpen: false });
    this.#packets = new PacketSplitter(maxPacketBytes);
    socket.on('readable', () => this.#fill());
    socket.once('end', () => {
      this.#isEnded = true;
      this.#fill();
    });
    socket.once('close', () => this.destroy());
    socket.on('error', (error) => this.destroy(error));
  }

  override _read(): void {
    this.#isWanted = true;
    this.#fill();
  }

  #fill(): void {
    while (this.#isWanted && !this.destroyed) {
      const packets = this.#take();
      if (packets) {
        this.#isWanted = false;
        this.push(packets);
        return;
      }
      const bytes: Buffer | null = this.socket.read();
      if (bytes) this.#packets.add(bytes);
      else if (this.#isEnded) this.push(null);
      if (!bytes) return;
    }
  }

  #take(): Buffer | null {
    try {
      return this.#packets.take();
    } catch (thrown) {
      this.destroy(new Error(messageOf(thrown)));
      return null;
    }
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.socket.write(bytes, done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: Done): void {
    this.socket.cork();
    chunks.forEach(({ chunk }, index) => {
      this.socket.write(chunk, index === chunks.length - 1 ? done : undefined);
    });
    this.socket.uncork();
  }

  override _final(done: () => void): void {
    this.socket.end(done);
  }

  override _destroy(error: Error | null, done: Done): void {
    this.socket.destroy();
    done(error);
  }
}
