import { spawn } from 'node:child_process';
import { whenOverdue } from '../../../kit/deadline.js';
import { done, type Fault, failed } from '../../../kit/errors.js';
import { SupervisedProcess, type SupervisedProcessOptions } from '../../../kit/supervised-process.js';
import type { LineFault } from '../lines.js';
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

export interface IoProcessOptions
  extends Pick<SupervisedProcessOptions<LineFault>, 'signal' | 'clock' | 'log'> {
  /** Path of the program. */
  readonly path: string;
  /** Deadline of each reply. A process that misses it is killed. */
  readonly answerMs: number;
  readonly onEvent: (event: IoEvent) => void;
}

interface Pending {
  readonly settle: (reply: Reply) => void;
  readonly cancel: () => void;
}

/**
 * One process of sortbin-io, from spawn to exit. It reports its version. It is killed if it sends an invalid line or
 * misses a deadline.
 */
export class IoProcess extends SupervisedProcess<string, LineFault> {
  readonly #io: IoProcessOptions;
  readonly #pending = new Map<number, Pending>();
  #hasVersion = false;
  #lastId = 0;
  #partialLine = '';

  constructor(io: IoProcessOptions) {
    super({
      ...io,
      name: 'sortbin-io',
      // Detached, so that Ctrl-C reaches only the daemon, which stops its parts in order. It needs no environment.
      spawn: () => spawn(io.path, [], { stdio: 'pipe', detached: true, env: {} }),
      startMs: io.answerMs,
      faults: { ended: 'lines-down', late: 'lines-down' },
      outputLevel: 'warn',
    });
    this.#io = io;
    // If a write fails, the exit of the process or the deadline of the command follows.
    this.child?.stdin?.on('error', () => {});
    this.child?.stdout?.setEncoding('utf8').on('data', (text: string) => this.#read(text));
    this.ended.then((fault) => this.#settleAll(fault));
  }

  /** Sends a command. Resolves with code `down` if the process ends before it replies. */
  send(command: string): Promise<Reply> {
    const { clock, answerMs } = this.#io;
    return new Promise((settle) => {
      if (this.fault) return settle({ ok: false, code: 'down', text: this.fault.message });
      this.#lastId += 1;
      const cancel = whenOverdue(clock, answerMs, () =>
        this.kill(`did not answer "${command}" within ${answerMs} ms`),
      );
      this.#pending.set(this.#lastId, { settle, cancel });
      this.child?.stdin?.write(`${this.#lastId} ${command}\n`);
    });
  }

  /** Closes standard input, on which sortbin-io turns all outputs off and exits. Kills it if it does not exit in time. */
  async close(): Promise<void> {
    this.child?.stdin?.end();
    await this.untilExit(this.#io.answerMs);
  }

  #read(text: string): void {
    const lines = (this.#partialLine + text).split('\n');
    this.#partialLine = lines.pop() ?? '';
    for (const line of lines) this.#readLine(line);
    if (this.#partialLine.length > MAX_LINE_LENGTH) this.#readLine(this.#partialLine);
  }

  #readLine(line: string): void {
    if (this.fault) return;
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
      this.#io.onEvent(message);
    }
    return true;
  }

  #checkVersion(protocol: number, version: string): void {
    this.#hasVersion = true;
    if (protocol === PROTOCOL) {
      this.settleReady(done(version));
    } else {
      const message = `${this.#io.path} (${version}) uses protocol ${protocol}, this sortbin uses protocol ${PROTOCOL}`;
      this.settleReady(failed('line-unsupported', message));
      this.kill(`uses protocol ${protocol}`);
    }
  }

  #settleAll({ message }: Fault<LineFault>): void {
    for (const { cancel, settle } of this.#pending.values()) {
      cancel();
      settle({ ok: false, code: 'down', text: message });
    }
    this.#pending.clear();
  }
}
