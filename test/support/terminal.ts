import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { childrenOf } from './processes.js';
import { until } from './until.js';

/** A program on a separate terminal, which the program `script` of util-linux provides. */
export class Terminal {
  text = '';
  /** Length of the text that `type` has used. */
  #used = 0;
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;

  /** `command` is a command of the shell. It ends with the test. */
  constructor(t: TestContext, command: string, cwd: string) {
    this.#child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], { cwd });
    this.#ended = once(this.#child, 'close').then(([code, signal]) => signal ?? code);
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.text += text;
    });
    this.#child.stdin?.on('error', () => {}); // it may be killed
    // A process that a failed test leaves behind would keep the test runner waiting.
    t.after(() => this.#child.kill('SIGKILL'));
  }

  /** Process id of the program, or of the shell that runs it. */
  async pid(): Promise<number> {
    const child = () => childrenOf(this.#child.pid)[0];
    await until('script has started the program', () => child() !== undefined);
    return child() ?? Number.NaN;
  }

  /** Waits until the new output, without its escape sequences, ends with the question. Then types the keys. */
  async type(question: RegExp, keys: string): Promise<void> {
    const fresh = () => stripVTControlCharacters(this.text.slice(this.#used));
    await until(
      () => `the terminal asks ${question}. Its text is:\n${stripVTControlCharacters(this.text)}`,
      () => question.test(fresh()),
      30_000,
    );
    this.#used = this.text.length;
    this.#child.stdin?.write(keys);
  }

  /** Pauses the output, like Ctrl-S. */
  pause(): void {
    this.#child.stdin?.write('\x13');
  }

  enter(): void {
    this.#child.stdin?.write('\n');
  }

  /** Continues the output, like Ctrl-Q. */
  resume(): void {
    this.#child.stdin?.write('\x11');
  }

  /** Closes the terminal, like a lost SSH connection. */
  hangUp(): void {
    this.#child.kill('SIGKILL');
  }

  /** The exit code of the program. */
  ended(): Promise<unknown> {
    return this.#ended;
  }
}

/**
 * Returns a shell command that runs `command` on a terminal that it cannot open again, as after `su USER -c`: without a
 * controlling terminal, and without the right to open the device. The superuser loses its capabilities for this.
 */
export const withoutTerminalRights = (command: string): string =>
  `chmod 000 "$(tty)"; exec ${process.getuid?.() === 0 ? 'setpriv --bounding-set=-all' : ''} setsid --wait ${command}`;
