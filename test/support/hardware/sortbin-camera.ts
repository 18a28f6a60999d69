import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { packageRoot } from '../../../device/kit/root.js';

/** Returns the path of sortbin-camera for this machine. The variable `SORTBIN_CAMERA` selects another build. */
export const sortbinCameraPath = (): string =>
  process.env.SORTBIN_CAMERA ??
  join(packageRoot(), 'deploy', 'native', `${process.platform}-${process.arch}`, 'sortbin-camera');

/** A line of output. The bytes of a frame follow its line. */
interface Output {
  readonly line: string;
  readonly bytes: Buffer | null;
}

/** A sortbin-camera process with direct access to its commands, lines and frames. */
export class SortbinCameraProcess {
  readonly child: ChildProcess;
  readonly #output: Output[] = [];
  readonly #ended: Promise<unknown[]>;
  #unread = Buffer.alloc(0);
  #wake: () => void = () => {};
  #id = 0;

  constructor(words: readonly string[], env: NodeJS.ProcessEnv = {}, program = sortbinCameraPath()) {
    this.child = spawn(program, words, { stdio: ['pipe', 'pipe', 'pipe'], env });
    this.#ended = once(this.child, 'close');
    this.child.stderr?.pipe(process.stderr);
    this.child.stdin?.on('error', () => {}); // it may exit before it has read everything
    this.child.stdout?.on('data', (bytes: Buffer) => {
      this.#unread = Buffer.concat([this.#unread, bytes]);
      while (this.#takeOne());
      this.#wake();
    });
  }

  /** Waits for the next output whose line starts with `start`. Earlier output stays in the queue. */
  async next(start: string): Promise<Output> {
    for (;;) {
      const index = this.#output.findIndex(({ line }) => line.startsWith(start));
      const [found] = index >= 0 ? this.#output.splice(index, 1) : [];
      if (found) return found;
      const more = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      const ended = this.#ended.then(() => true);
      if ((await Promise.race([more, ended])) && !this.#output.some(({ line }) => line.startsWith(start)))
        throw new Error(`sortbin-camera exited without a line that starts with "${start}"`);
    }
  }

  /** Sends a command. Returns its answer without the number, and the bytes of a frame. */
  async send(command: string): Promise<Output> {
    return this.answer(this.start(command));
  }

  /** Sends the command `controls`. Returns the lines of its reply, without the number and `control`. */
  async controls(): Promise<string[]> {
    const id = this.start('controls');
    const last = await this.next(`${id} ok`);
    assert.equal(last.line, `${id} ok`);
    const start = `${id} control `;
    const lines = this.lines().filter((line) => line.startsWith(start));
    for (const _ of lines) await this.next(start);
    return lines.map((line) => line.slice(start.length));
  }

  /** Sends a command. Returns its number, for `answer`. */
  start(command: string): number {
    this.#id += 1;
    this.write(`${this.#id} ${command}\n`);
    return this.#id;
  }

  async answer(id: number): Promise<Output> {
    const { line, bytes } = await this.next(`${id} `);
    return { line: line.slice(`${id} `.length), bytes };
  }

  /** Returns the lines that were received and not taken yet. */
  lines(): string[] {
    return this.#output.map(({ line }) => line);
  }

  write(text: string): void {
    this.child.stdin?.write(text);
  }

  /** Closes its standard input. Returns the exit code or the signal. */
  async end(): Promise<number | string> {
    this.child.stdin?.end();
    return this.exited();
  }

  async exited(): Promise<number | string> {
    const [code, signal] = await this.#ended;
    return (code as number | null) ?? (signal as string);
  }

  #takeOne(): boolean {
    const end = this.#unread.indexOf('\n');
    if (end < 0) return false;
    const line = this.#unread.toString('utf8', 0, end);
    const size = Number(/^\d+ frame \d+ \d+ (\d+)$/.exec(line)?.[1] ?? 0);
    if (this.#unread.length < end + 1 + size) return false;
    this.#output.push({ line, bytes: size ? this.#unread.subarray(end + 1, end + 1 + size) : null });
    this.#unread = this.#unread.subarray(end + 1 + size);
    return true;
  }
}
