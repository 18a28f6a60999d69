import { type ChildProcess, spawn } from 'node:child_process';
import type { Logger } from 'pino';
import type { Clock } from '../../../kit/clock.js';
import { withDeadline } from '../../../kit/deadline.js';
import { type Answer, done, failed, messageOf } from '../../../kit/errors.js';
import type { LineFault } from '../lines.js';
import { whenOverdue } from '../time.js';
import {
  type IoCode,
  type IoEvent,
  type IoMessage,
  MAX_LINE_LENGTH,
  PROTOCOL,
  parseMessage,
} from './protocol.js';

/** The reply to a command. Code `down`: the process ended before it replied. */
export type Reply =
  | { readonly ok: true; readonly value: string }
  | { readonly ok: false; readonly code: IoCode | 'down'; readonly text: string };

export interface IoProcessOptions {
  /** Path of the program. */
  readonly path: string;
  /** Deadline of each reply. A process that misses it is killed. */
  readonly answerMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onEvent: (event: IoEvent) => void;
}

interface Pending {
  readonly settle: (reply: Reply) => void;
  readonly cancel: () => void;
}

/** One process of sortbin-io, from spawn to exit. It is killed if it sends an invalid line or misses a deadline. */
export class IoProcess {
  /** The version of sortbin-io, or why it cannot be used. */
  readonly ready: Promise<Answer<string, LineFault>>;
  /** Resolves when the process has exited or was killed, with the reason. All commands have a reply by then. */
  readonly ended: Promise<string>;
  readonly #child: ChildProcess;
  readonly #options: IoProcessOptions;
  readonly #exited: Promise<unknown>;
  readonly #pending = new Map<number, Pending>();
  #settleReady: (answer: Answer<string, LineFault>) => void = () => {};
  #settleEnded: (reason: string) => void = () => {};
  #cancelStartDeadline: () => void;
  #hasVersion = false;
  #endReason: string | null = null;
  #lastId = 0;
  #partialLine = '';
  #lastStderr = '';

  constructor(options: IoProcessOptions) {
    this.#options = options;
    this.ready = new Promise((resolve) => {
      this.#settleReady = resolve;
    });
    this.ended = new Promise((resolve) => {
      this.#settleEnded = resolve;
    });
    // Detached, so that Ctrl-C reaches only the daemon, which stops its parts in order. It needs no environment.
    this.#child = spawn(options.path, [], { stdio: 'pipe', detached: true, env: {} });
    this.#exited = new Promise((resolve) => {
      this.#child.on('close', resolve).on('error', resolve);
    });
    this.#child
      .on('error', (error) => this.#finish(`did not start (${error.message})`))
      .on('close', (code, signal) =>
        this.#finish(signal ? `was ended by ${signal}` : `exited with code ${code}`),
      );
    // If a write fails, the exit of the process or the deadline of the command follows.
    this.#child.stdin?.on('error', (error) => this.#logStderr(error.message));
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => this.#read(text));
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => this.#logStderr(text));
    this.#cancelStartDeadline = whenOverdue(options.clock, options.answerMs, () =>
      this.kill(`did not send its version within ${options.answerMs} ms`),
    );
  }

  /** Why the process ended, or null while it runs. */
  get endReason(): string | null {
    return this.#endReason;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Sends a command. Resolves with code `down` if the process ends before it replies. */
  send(command: string): Promise<Reply> {
    const { clock, answerMs } = this.#options;
    return new Promise((settle) => {
      if (this.#endReason !== null) return settle({ ok: false, code: 'down', text: this.#endReason });
      this.#lastId += 1;
      const cancel = whenOverdue(clock, answerMs, () =>
        this.kill(`did not answer "${command}" within ${answerMs} ms`),
      );
      this.#pending.set(this.#lastId, { settle, cancel });
      this.#child.stdin?.write(`${this.#lastId} ${command}\n`);
    });
  }

  /** Kills the process and counts it as ended at once, without waiting for the kernel. `reason` is a verb phrase. */
  kill(reason: string): void {
    this.#child.kill('SIGKILL');
    this.#finish(`was killed because it ${reason}`);
  }

  /** Closes standard input, on which sortbin-io turns all outputs off and exits. Kills it if it does not exit in time. */
  async close(): Promise<void> {
    const { clock, answerMs, log } = this.#options;
    this.#child.stdin?.end();
    try {
      await withDeadline(clock, answerMs, () => this.#exited);
    } catch (thrown) {
      log.warn({ ioPid: this.pid, reason: messageOf(thrown) }, 'sortbin-io did not exit and was killed');
      this.kill('did not exit at the end of its input');
    }
  }

  #read(text: string): void {
    const lines = (this.#partialLine + text).split('\n');
    this.#partialLine = lines.pop() ?? '';
    for (const line of lines) this.#readLine(line);
    if (this.#partialLine.length > MAX_LINE_LENGTH) this.#readLine(this.#partialLine);
  }

  #readLine(line: string): void {
    if (this.#endReason !== null) return;
    const message = line.length <= MAX_LINE_LENGTH ? parseMessage(line) : null;
    // The version comes first, and once.
    if (!message || (message.type === 'version') === this.#hasVersion || !this.#handle(message)) {
      this.kill(`sent an invalid line: ${JSON.stringify(line.slice(0, 80))}`);
    }
  }

  /** Returns false for a reply that belongs to no command. */
  #handle(message: IoMessage): boolean {
    if (message.type === 'version') {
      this.#checkVersion(message.protocol, message.version);
    } else if (message.type === 'ok' || message.type === 'error') {
      const pending = this.#pending.get(message.id);
      if (!pending) return false;
      this.#pending.delete(message.id);
      pending.cancel();
      const { type } = message;
      pending.settle(
        type === 'ok'
          ? { ok: true, value: message.value }
          : { ok: false, code: message.code, text: message.text },
      );
    } else {
      this.#options.onEvent(message);
    }
    return true;
  }

  #checkVersion(protocol: number, version: string): void {
    this.#hasVersion = true;
    this.#cancelStartDeadline();
    if (protocol === PROTOCOL) {
      this.#settleReady(done(version));
    } else {
      const message = `${this.#options.path} (${version}) uses protocol ${protocol}, this sortbin uses protocol ${PROTOCOL}`;
      this.#settleReady(failed('line-unsupported', message));
      this.kill(`uses protocol ${protocol}`);
    }
  }

  #finish(reason: string): void {
    if (this.#endReason !== null) return;
    this.#endReason = this.#lastStderr ? `${reason} (last message: ${this.#lastStderr})` : reason;
    this.#cancelStartDeadline();
    for (const { cancel, settle } of this.#pending.values()) {
      cancel();
      settle({ ok: false, code: 'down', text: this.#endReason });
    }
    this.#pending.clear();
    this.#settleReady(failed('lines-down', `${this.#options.path} ${this.#endReason}`));
    this.#settleEnded(this.#endReason);
  }

  #logStderr(text: string): void {
    for (const line of text.split('\n')) {
      const message = line.trim().slice(0, MAX_LINE_LENGTH);
      if (!message) continue;
      this.#lastStderr = message;
      this.#options.log.warn({ ioPid: this.pid, text: message }, 'sortbin-io reported a problem');
    }
  }
}
