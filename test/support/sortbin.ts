import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { until } from './until.js';

const MAIN = fileURLToPath(new URL('../../device/tools/cli/main.js', import.meta.url));

/** A line of the log. */
export interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly [key: string]: unknown;
}

/** The command line tool as its own process, as a user starts it. */
export class Sortbin {
  readonly lines: LogLine[] = [];
  readonly output: string[] = [];
  stderr = '';
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | NodeJS.Signals>;

  constructor(args: readonly string[], folder: string) {
    this.#child = spawn(MAIN, args, {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#ended = once(this.#child, 'close').then(([code, signal]) => signal ?? code);
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    if (!this.#child.stdout) throw new Error('no stdout');
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      this.output.push(line);
      if (line.startsWith('{"level"')) this.lines.push(JSON.parse(line));
    });
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** All that it has written so far. */
  get text(): string {
    return `${this.output.join('\n')}\n${this.stderr}`;
  }

  /** Waits for a line of the log whose message matches. */
  async said(pattern: RegExp): Promise<LogLine> {
    const find = () => this.lines.find(({ msg }) => pattern.test(msg));
    await until(
      () => `the log says ${pattern}; it says:\n${this.text}`,
      () => !!find(),
      30_000,
    );
    return find() as LogLine;
  }

  /** What it prints has no reader from now on, as behind `| head`. */
  closeOutput(): void {
    this.#child.stdout?.destroy();
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** The exit code, or the signal that ended it. */
  ended(): Promise<number | NodeJS.Signals> {
    return this.#ended;
  }
}

/** A folder of its own with a configuration, removed after `use`. */
export const inFolder = async (config: string, use: (folder: string) => Promise<void>): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), 'sortbin-'));
  try {
    await writeFile(join(folder, 'sortbin.yaml'), config);
    await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};
