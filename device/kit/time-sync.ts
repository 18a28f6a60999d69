import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Clock } from './clock.js';
import type { Service } from './service.js';

export interface TimeSyncOptions {
  /** A program with the arguments and the output of timedatectl. */
  readonly program?: string;
  readonly file?: string;
  readonly clock: Pick<Clock, 'after'>;
}

/** systemd-timesyncd creates this file. systemd-time-wait-sync creates it for chrony and ntpd. */
const FILE = '/run/systemd/timesync/synchronized';
const ASK_AGAIN_MS = 60_000;
const ANSWER_MS = 5_000;

/**
 * Finds out whether a time source has set the wall clock since the machine started. The answer of the kernel (adjtimex)
 * is blocked in a sandbox with ProtectClock=, so systemd is asked. Once the answer is yes, it is not asked again.
 */
export class TimeSync implements Service {
  readonly name = 'time synchronisation';
  readonly #closing = new AbortController();
  #isSynchronised = false;
  #cancel = () => {};

  constructor(private readonly options: TimeSyncOptions) {}

  synchronised(): boolean {
    this.#isSynchronised ||= existsSync(this.options.file ?? FILE);
    return this.#isSynchronised;
  }

  /** Asks for the first time, without waiting for the answer. */
  async start(): Promise<void> {
    void this.#ask();
  }

  async stop(): Promise<void> {
    this.#closing.abort();
    this.#cancel();
  }

  async #ask(): Promise<void> {
    if (!this.synchronised()) this.#isSynchronised = await this.#answer();
    if (this.#isSynchronised || this.#closing.signal.aborted) return;
    this.#cancel = this.options.clock.after(ASK_AGAIN_MS, () => void this.#ask());
  }

  /** A machine without timedatectl, or without systemd, has no answer. */
  #answer(): Promise<boolean> {
    const { program = 'timedatectl' } = this.options;
    const { signal } = this.#closing;
    return new Promise((resolve) => {
      execFile(
        program,
        ['show', '--property=NTPSynchronized', '--value'],
        { timeout: ANSWER_MS, killSignal: 'SIGKILL', signal },
        (error, stdout) => resolve(!error && stdout.trim() === 'yes'),
      );
    });
  }
}
