import { type ChildProcess, spawn } from 'node:child_process';
import type { Logger } from 'pino';
import type { Clock } from '../../../kit/clock.js';
import { withDeadline } from '../../../kit/deadline.js';
import { type Answer, done, failed, messageOf } from '../../../kit/errors.js';
import type { LineFault } from '../lines.js';
import { whenOverdue } from '../time.js';
import { type IoCode, type IoEvent, type IoMessage, LONGEST_LINE, PROTOCOL, parse } from './protocol.js';

/** What sortbin-io answers; `down`: it never will. */
export type Reply =
  | { readonly ok: true; readonly value: string }
  | { readonly ok: false; readonly code: IoCode | 'down'; readonly text: string };

export interface IoProcessOptions {
  /** The program. */
  readonly path: string;
  /** Within which it must answer; else it is killed. */
  readonly answerMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onEvent: (event: IoEvent) => void;
}

interface Pending {
  readonly settle: (reply: Reply) => void;
  readonly cancel: () => void;
}

/** One life of sortbin-io: from spawn to its end. It is ended by whatever it should not say, or fails to say in time. */
export class IoProcess {
  /** Its version, or why it does not serve. */
  readonly ready: Promise<Answer<string, LineFault>>;
  /** Settles when it is gone, or killed: how it ended, in words. All that was asked is answered by then. */
  readonly ended: Promise<string>;
  readonly #child: ChildProcess;
  readonly #options: IoProcessOptions;
  readonly #exited: Promise<unknown>;
  readonly #pending = new Map<number, Pending>();
  #settleReady: (answer: Answer<string, LineFault>) => void = () => {};
  #settleEnded: (how: string) => void = () => {};
  #cancelGreeting: () => void;
  #greeted = false;
  #end: string | null = null;
  #lastId = 0;
  #heard = '';
  #lastWords = '';

  constructor(options: IoProcessOptions) {
    this.#options = options;
    this.ready = new Promise((resolve) => {
      this.#settleReady = resolve;
    });
    this.ended = new Promise((resolve) => {
      this.#settleEnded = resolve;
    });
    // A group of its own: Ctrl-C is for the daemon, which ends in its own order. Nothing of its environment is needed.
    this.#child = spawn(options.path, [], { stdio: 'pipe', detached: true, env: {} });
    this.#exited = new Promise((resolve) => {
      this.#child.on('close', resolve).on('error', resolve);
    });
    this.#child
      .on('error', (error) => this.#finish(`did not begin (${error.message})`))
      .on('close', (code, signal) =>
        this.#finish(signal ? `ended by ${signal}` : `ended with exit code ${code}`),
      );
    // What cannot be written is not answered: the process' end follows, or the deadline.
    this.#child.stdin?.on('error', (error) => this.#note(error.message));
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => this.#hear(text));
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => this.#note(text));
    this.#cancelGreeting = whenOverdue(options.clock, options.answerMs, () =>
      this.kill(`did not greet within ${options.answerMs} ms`),
    );
  }

  /** How it ended; null: it has not. */
  get end(): string | null {
    return this.#end;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Resolves with `down` where it ends first. */
  ask(words: string): Promise<Reply> {
    const { clock, answerMs } = this.#options;
    return new Promise((settle) => {
      if (this.#end !== null) return settle({ ok: false, code: 'down', text: this.#end });
      this.#lastId += 1;
      const cancel = whenOverdue(clock, answerMs, () =>
        this.kill(`gave no answer to "${words}" within ${answerMs} ms`),
      );
      this.#pending.set(this.#lastId, { settle, cancel });
      this.#child.stdin?.write(`${this.#lastId} ${words}\n`);
    });
  }

  /** For what it did; it is counted as ended from now on, even where the kernel takes its time. */
  kill(what: string): void {
    this.#child.kill('SIGKILL');
    this.#finish(`was killed, it ${what}`);
  }

  /** Ends it by the end of its input, which has it drive all outputs off; else by force. */
  async close(): Promise<void> {
    const { clock, answerMs, log } = this.#options;
    this.#child.stdin?.end();
    try {
      await withDeadline(clock, answerMs, () => this.#exited);
    } catch (thrown) {
      log.warn({ ioPid: this.pid }, `sortbin-io does not end: ${messageOf(thrown)}; it is killed`);
      this.kill('did not end when it should');
    }
  }

  #hear(text: string): void {
    const lines = (this.#heard + text).split('\n');
    this.#heard = lines.pop() ?? '';
    for (const line of lines) this.#take(line);
    if (this.#heard.length > LONGEST_LINE) this.#take(this.#heard);
  }

  #take(line: string): void {
    if (this.#end !== null) return;
    const message = line.length <= LONGEST_LINE ? parse(line) : null;
    if (!message || (message.type === 'greeting') === this.#greeted || !this.#understand(message)) {
      this.kill(`said what it should not: ${JSON.stringify(line.slice(0, 80))}`);
    }
  }

  /** Whether it makes sense. */
  #understand(message: IoMessage): boolean {
    if (message.type === 'greeting') {
      this.#greet(message.protocol, message.version);
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

  #greet(protocol: number, version: string): void {
    this.#greeted = true;
    this.#cancelGreeting();
    if (protocol === PROTOCOL) {
      this.#settleReady(done(version));
    } else {
      const message = `${this.#options.path} (${version}) speaks protocol ${protocol}, and this sortbin protocol ${PROTOCOL}`;
      this.#settleReady(failed('line-unsupported', message));
      this.kill(`speaks protocol ${protocol}`);
    }
  }

  #finish(how: string): void {
    if (this.#end !== null) return;
    const words = this.#lastWords ? `; its last words: ${this.#lastWords}` : '';
    this.#end = `${how}${words}`;
    this.#cancelGreeting();
    for (const { cancel, settle } of this.#pending.values()) {
      cancel();
      settle({ ok: false, code: 'down', text: this.#end });
    }
    this.#pending.clear();
    this.#settleReady(failed('lines-down', `${this.#options.path} ${this.#end}`));
    this.#settleEnded(this.#end);
  }

  #note(text: string): void {
    for (const line of text.split('\n')) {
      const words = line.trim().slice(0, LONGEST_LINE);
      if (!words) continue;
      this.#lastWords = words;
      this.#options.log.warn({ ioPid: this.pid }, `sortbin-io: ${words}`);
    }
  }
}
