import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { packageRoot } from '../../device/kit/root.js';

/** The program of this machine; `SORTBIN_IO` names another build of it. */
export const ioProgram = (): string =>
  process.env.SORTBIN_IO ??
  join(packageRoot(), 'deploy', 'native', `${process.platform}-${process.arch}`, 'sortbin-io');

/** sortbin-io, spoken to by hand. */
export class Io {
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
    child.stdin?.on('error', () => {}); // it may have ended before it has read all
  }

  static start(): Io {
    return new Io(spawn(ioProgram(), { stdio: ['pipe', 'pipe', 'inherit'] }));
  }

  /** The next line that begins so; those before it stay. */
  async line(start: string): Promise<string> {
    for (;;) {
      const index = this.#lines.findIndex((line) => line.startsWith(start));
      if (index >= 0) return this.#lines.splice(index, 1)[0] ?? '';
      const more = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      await Promise.race([more, this.#end(start)]);
    }
  }

  /** Sends a command; its answer without the number. */
  async ask(command: string): Promise<string> {
    const id = ++this.#id;
    this.write(`${id} ${command}\n`);
    return (await this.line(`${id} `)).slice(`${id} `.length);
  }

  write(text: string): void {
    this.child.stdin?.write(text);
  }

  /** Ends its standard input. */
  end(): void {
    this.child.stdin?.end();
  }

  /** The code that it ended with, or the signal. */
  async exit(): Promise<number | string> {
    const [code, signal] = await this.#ended;
    return (code as number | null) ?? (signal as string);
  }

  async #end(start: string): Promise<void> {
    await this.exit();
    // What it wrote last may still be on its way.
    await new Promise((resolve) => setImmediate(resolve));
    if (!this.#lines.some((line) => line.startsWith(start)))
      throw new Error(`sortbin-io ended without "${start}"`);
  }
}
