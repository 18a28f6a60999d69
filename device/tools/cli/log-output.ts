import { type LogTarget, openTarget, type StandardOutput } from './log-target.js';

/** Bytes that wait at most. Further lines are dropped. */
const MAX_WAITING_BYTES = 1 << 20;
/** Bytes of a write. */
const MAX_WRITE_BYTES = 64 << 10;
/** Time between two attempts while the output accepts nothing. */
const RETRY_MS = 100;

/**
 * Lines on standard output or standard error. It never blocks and never fails. While the output accepts nothing, up to
 * 1 MiB of lines wait: on a full disk, a paused terminal or a pipe without a reader. Others are dropped and counted.
 */
export class LogOutput {
  #target: LogTarget | undefined;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #dropped = 0;
  #retry: NodeJS.Timeout | undefined;

  /** `onDropped` receives the number of dropped lines when the output accepts lines again. */
  constructor(
    private readonly output: StandardOutput,
    private readonly onDropped: (lines: number) => void = () => {},
  ) {}

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

  /** Calls `done` when all lines are written. No line may follow. The caller limits the time. */
  end(done: () => void): void {
    if (this.#waitingBytes === 0) this.#target?.end?.();
    if (this.#waitingBytes === 0 && (this.#target?.isWritten() ?? true)) done();
    else setTimeout(() => this.end(done), RETRY_MS / 10);
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
      this.#target ??= openTarget(this.output);
      return this.#target.write(bytes);
    } catch {
      return 0;
    }
  }
}
