import { constants, fstatSync, openSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { isatty } from 'node:tty';

/** Bytes that wait at most. Further lines are dropped. */
const MAX_WAITING_BYTES = 1 << 20;
/** Bytes of a write. */
const MAX_WRITE_BYTES = 64 << 10;
/** Time between two attempts while the output accepts nothing. */
const RETRY_MS = 100;

type StandardOutput = typeof process.stdout | typeof process.stderr;

interface Target {
  /** Writes what the output accepts now, and returns the number of bytes. Never waits. Throws if the output fails. */
  readonly write: (bytes: Buffer) => number;
  /** Bytes that `write` has accepted, and that are not written yet. */
  readonly unwritten: () => number;
}

/**
 * Lines on standard output or standard error. It never blocks and never fails. While the output accepts nothing, up to
 * 1 MiB of lines wait: on a full disk, a paused terminal or a pipe without a reader. Others are dropped and counted.
 */
export class LogOutput {
  readonly #target: Target;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #dropped = 0;
  #retry: NodeJS.Timeout | undefined;

  /** `onDropped` receives the number of dropped lines when the output accepts lines again. */
  constructor(
    output: StandardOutput,
    private readonly onDropped: (lines: number) => void = () => {},
  ) {
    this.#target =
      output instanceof Socket && !isatty(output.fd)
        ? streamTarget(output)
        : fileTarget(openWithoutBlocking(output.fd));
  }

  write(line: string): void {
    const bytes = Buffer.from(line);
    // After the first dropped line, the others are dropped too, so that the gap is in one place.
    if (this.#dropped > 0 || this.#waitingBytes + bytes.length > MAX_WAITING_BYTES) this.#dropped += 1;
    else {
      this.#waiting.push(bytes);
      this.#waitingBytes += bytes.length;
    }
    if (!this.#retry) this.#writeWaiting();
  }

  /** Calls `done` when all lines are written. The caller limits the time. */
  flush(done: () => void): void {
    if (this.#waitingBytes === 0 && this.#target.unwritten() === 0) done();
    else setTimeout(() => this.flush(done), RETRY_MS / 10);
  }

  #writeWaiting(): void {
    this.#retry = undefined;
    while (this.#waitingBytes > 0) {
      const bytes = Buffer.concat(this.#waiting);
      const written = this.#tryWrite(bytes.subarray(0, MAX_WRITE_BYTES));
      this.#waiting = [bytes.subarray(written)];
      this.#waitingBytes -= written;
      if (written === 0) {
        this.#retry = setTimeout(() => this.#writeWaiting(), RETRY_MS).unref();
        return;
      }
    }
    const dropped = this.#dropped;
    this.#dropped = 0;
    if (dropped > 0) this.onDropped(dropped);
  }

  #tryWrite(bytes: Buffer): number {
    try {
      return this.#target.write(bytes);
    } catch {
      return 0;
    }
  }
}

/** For a pipe or a socket. On a terminal, the stream of Node would block. */
const streamTarget = (stream: Socket): Target => ({
  write: (bytes) => {
    // The reader has closed the pipe, so that no line can be read any more.
    if (stream.destroyed) return bytes.length;
    if (stream.writableLength > 0) return 0;
    stream.write(bytes);
    return bytes.length;
  },
  unwritten: () => (stream.destroyed ? 0 : stream.writableLength),
});

const fileTarget = (fd: number): Target => ({ write: (bytes) => writeSync(fd, bytes), unwritten: () => 0 });

/**
 * Opens a terminal a second time, because O_NONBLOCK would otherwise affect all programs that use it. `/dev/tty` serves
 * for a terminal that belongs to another user. A file keeps its descriptor and its position.
 */
const openWithoutBlocking = (fd: number): number => {
  if (!fstatSync(fd).isCharacterDevice()) return fd;
  for (const path of [`/proc/self/fd/${fd}`, ...(isatty(fd) ? ['/dev/tty'] : [])]) {
    try {
      return openSync(path, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    } catch {
      // Not permitted.
    }
  }
  return fd;
};
