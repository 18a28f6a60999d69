import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { StatusAnswer } from '../../device/daemon/status-answer.js';
import { SystemClock } from '../../device/kit/clock.js';
import { CONTROL_SOCKET } from '../../device/network/commands/commands.js';
import { sendCommand } from '../../device/network/commands/send-command.js';
import { until } from './until.js';

/** The path of the command line tool. */
export const MAIN = fileURLToPath(new URL('../../device/tools/cli/main.js', import.meta.url));

/** A line of the log in JSON. */
export interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly [key: string]: unknown;
}

/** The processes that run, with their folders. */
const running = new Map<ChildProcess, string>();

/** The command line tool in its own process, started like a user starts it. */
export class Sortbin {
  readonly lines: LogLine[] = [];
  readonly output: string[] = [];
  stderr = '';
  #end = '';
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | NodeJS.Signals>;

  constructor(
    args: readonly string[],
    private readonly folder: string,
    /** Added to the environment. */
    environment: Readonly<Record<string, string>> = {},
    /** A pipe, whose lines are read, or a file. */
    output: 'pipe' | number = 'pipe',
    /** A command that starts the program, with its arguments. */
    prefix: readonly string[] = [],
  ) {
    const [command = MAIN, ...rest] = [...prefix, MAIN, ...args];
    this.#child = spawn(command, rest, {
      cwd: folder,
      env: { ...process.env, ...environment },
      stdio: ['ignore', output, 'pipe'],
    });
    running.set(this.#child, folder);
    this.#ended = once(this.#child, 'close').then(([code, signal]) => {
      running.delete(this.#child);
      this.#end = `(ended: ${signal ?? code})`;
      return signal ?? code;
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    if (!this.#child.stdout) return;
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      this.output.push(line);
      if (line.startsWith('{"level"')) this.lines.push(JSON.parse(line));
    });
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** The output so far, of both streams, and how the program ended. */
  get text(): string {
    return `${this.output.join('\n')}\n${this.stderr}${this.#end}`;
  }

  /** Returns the first line of the log that matches, or whose message matches a pattern. Waits for it. */
  async waitForLog(expected: RegExp | ((line: LogLine) => boolean)): Promise<LogLine> {
    const matches = expected instanceof RegExp ? ({ msg }: LogLine) => expected.test(msg) : expected;
    const find = () => this.lines.find(matches);
    await until(
      () => `a log line that matches ${expected}. The output is:\n${this.text}`,
      () => !!find(),
      30_000,
    );
    return find() as LogLine;
  }

  /** Waits until a bin accepts commands and sorts. */
  async waitForCommands(): Promise<void> {
    const socket = join(this.folder, 'data', CONTROL_SOCKET);
    let isSorting = false;
    let isAsking = false;
    const ask = async () => {
      const answer = await sendCommand(socket, { command: 'status' }, new SystemClock());
      isSorting = answer.ok && (answer.value as StatusAnswer).state.cycle !== 'new';
    };
    await until(
      () => `the bin accepts commands. The output is:\n${this.text}`,
      () => {
        // A request that is still open when this returns would be refused by a bin that stops.
        if (!isSorting && !isAsking) {
          isAsking = true;
          ask()
            .catch(() => {})
            .finally(() => {
              isAsking = false;
            });
        }
        return isSorting;
      },
      30_000,
    );
  }

  /** Closes the reading end of standard output, like `| head`. */
  closeOutput(): void {
    this.#child.stdout?.destroy();
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Returns the exit code, or the signal that ended the process. */
  ended(): Promise<number | NodeJS.Signals> {
    return this.#ended;
  }
}

/** Calls `use` with a temporary folder that contains the configuration. Then kills its processes and removes it. */
export const inFolder = async (config: string, use: (folder: string) => Promise<void>): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), 'sortbin-'));
  try {
    await writeFile(join(folder, 'sortbin.yaml'), config);
    await use(folder);
  } finally {
    // A process that a failed test leaves behind would keep the test runner waiting.
    for (const [child, cwd] of running) if (cwd === folder) child.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  }
};
