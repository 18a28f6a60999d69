import { spawn } from 'node:child_process';
import { done } from '../../kit/errors.js';
import { SupervisedProcess, type SupervisedProcessOptions } from '../../kit/supervised-process.js';

export interface NotifyProcessOptions
  extends Pick<SupervisedProcessOptions<NotifyFault>, 'signal' | 'clock' | 'log'> {
  /** Path of sortbin-notify. */
  readonly path: string;
  /** Value of NOTIFY_SOCKET. */
  readonly socket: string;
}

export type NotifyFault = 'notify-down';

/** The first line of a program that speaks protocol 1. */
const READY_LINE = /^sortbin-notify 1 (\S+)\n/;
const START_MS = 2_000;
/** sortbin-notify waits 500 ms at most until systemd has handled its last message. */
const CLOSE_MS = 700;
/** Unread input of a process that hangs. */
const MAX_UNREAD_BYTES = 16_384;

/** One process of sortbin-notify, from spawn to exit. It reports its version. */
export class NotifyProcess extends SupervisedProcess<string, NotifyFault> {
  #output = '';

  constructor({ path, socket, ...options }: NotifyProcessOptions) {
    super({
      ...options,
      name: 'sortbin-notify',
      // Detached, so that Ctrl-C reaches only the daemon.
      spawn: () => spawn(path, [], { stdio: 'pipe', detached: true, env: { NOTIFY_SOCKET: socket } }),
      startMs: START_MS,
      faults: { ended: 'notify-down', late: 'notify-down' },
      outputLevel: 'warn',
    });
    // If a write fails, the exit of the process follows.
    this.child?.stdin?.on('error', () => {});
    this.child?.stdout?.setEncoding('utf8').on('data', (text: string) => this.#read(text));
  }

  /** Sends a message to systemd. */
  send(message: string): void {
    const input = this.child?.stdin;
    if (!input || this.fault) return;
    if (input.writableLength > MAX_UNREAD_BYTES) this.kill('did not read its input');
    else input.write(`${message}\n`);
  }

  /** Closes standard input, on which the process exits when systemd has handled all messages. */
  async close(): Promise<void> {
    this.child?.stdin?.end();
    await this.untilExit(CLOSE_MS);
  }

  #read(text: string): void {
    if (this.fault) return;
    this.#output = (this.#output + text).slice(0, 200);
    const version = READY_LINE.exec(this.#output)?.[1];
    if (version !== undefined) this.settleReady(done(version));
    else if (this.#output.includes('\n'))
      this.kill(`sent an invalid line: ${JSON.stringify(this.#output.slice(0, 80))}`);
  }
}
