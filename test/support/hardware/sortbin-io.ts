import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { packageRoot } from '../../../device/kit/root.js';

/** Returns the path of sortbin-io for this machine. The variable `SORTBIN_IO` selects another build. */
export const sortbinIoPath = (): string =>
  process.env.SORTBIN_IO ??
  join(packageRoot(), 'deploy', 'native', `${process.platform}-${process.arch}`, 'sortbin-io');

/** A sortbin-io process with direct access to its commands and lines of output. */
export class SortbinIoProcess {
  readonly #lines: string[] = [];
  readonly #ended: Promise<unknown[]>;
  #wake: () => void = () => {};
  #id = 0;

  private constructor(readonly child: ChildProcess) {
    this.#ended = once(child, 'exit');
    if (!child.stdout) throw new Error('sortbin-io has no standard output');
    createInterface({ input: child.stdout }).on('line', (line) => {
      this.#lines.push(line);
      this.#wake();
    });
    child.stdin?.on('error', () => {}); // it may exit before it has read everything
  }

  static start(): SortbinIoProcess {
    return new SortbinIoProcess(spawn(sortbinIoPath(), { stdio: ['pipe', 'pipe', 'inherit'] }));
  }

  /** Waits for the next line that starts with `start`. Earlier lines stay in the queue. */
  async nextLine(start: string): Promise<string> {
    for (;;) {
      const index = this.#lines.findIndex((line) => line.startsWith(start));
      if (index >= 0) return this.#lines.splice(index, 1)[0] ?? '';
      const more = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      await Promise.race([more, this.#failAtExit(start)]);
    }
  }

  /** Sends a command. Returns its answer without the number. */
  async send(command: string): Promise<string> {
    const id = ++this.#id;
    this.write(`${id} ${command}\n`);
    return (await this.nextLine(`${id} `)).slice(`${id} `.length);
  }

  write(text: string): void {
    this.child.stdin?.write(text);
  }

  /** Closes its standard input. */
  end(): void {
    this.child.stdin?.end();
  }

  /** Waits for the exit. Returns the exit code or the signal. */
  async exited(): Promise<number | string> {
    const [code, signal] = await this.#ended;
    return (code as number | null) ?? (signal as string);
  }

  async #failAtExit(start: string): Promise<void> {
    await this.exited();
    // The last output may arrive after the exit.
    await new Promise((resolve) => setImmediate(resolve));
    if (!this.#lines.some((line) => line.startsWith(start)))
      throw new Error(`sortbin-io exited without a line that starts with "${start}"`);
  }
}
