import type { ChildProcess } from 'node:child_process';
import type { Logger } from 'pino';
import type { Clock } from './clock.js';
import { orAborted, whenOverdue, withDeadline } from './deadline.js';
import { deferred } from './deferred.js';
import { type Answer, type Fault, messageOf } from './errors.js';
import { killProcessGroup, ownProcessGroup } from './process-group.js';

export interface SupervisedProcessOptions<Code extends string> {
  /** Name for messages. */
  readonly name: string;
  /** Starts the process. Its standard error must be a pipe. */
  readonly spawn: () => ChildProcess;
  /** Deadline for `settleReady`. A process that misses it is killed. */
  readonly startMs: number;
  /** If it is aborted before the process is ready, the process is killed. */
  readonly signal?: AbortSignal | undefined;
  /** Code of a process that has ended, and of one that missed the deadline of its start. */
  readonly faults: { readonly ended: Code; readonly late: Code };
  /** Derives the fault from its code, its reason and the recent lines of standard error. By default, they are joined. */
  readonly toFault?: (code: Code, reason: string, lines: readonly string[]) => Fault<Code>;
  /**
   * Whether the process was spawned detached, and its process group ends with it and with the daemon. Default: false. A
   * program that turns outputs off after the end of the daemon must not.
   */
  readonly ownsGroup?: boolean;
  /** Level at which the lines of standard error are logged. */
  readonly outputLevel: 'debug' | 'warn';
  readonly clock: Clock;
  readonly log: Logger;
}

const MAX_LINE_LENGTH = 500;
/** Number of recent lines of standard error that are kept. */
const MAX_LINES = 100;
/** Number of lines that are logged within `LOG_WINDOW_MS`. A program may write thousands. */
const MAX_LOGGED_LINES = 20;
const LOG_WINDOW_MS = 10_000;

/**
 * A child process, from its start to its exit. `Info` is what it reports when it is ready. A subclass adds the protocol.
 */
export abstract class SupervisedProcess<Info, Code extends string> {
  readonly #ready = deferred<Answer<Info, Code>>();
  readonly #ended = deferred<Fault<Code>>();
  readonly #exited = deferred<Fault<Code>>();
  /** The report of the process, or why it cannot be used. */
  readonly ready = this.#ready.promise;
  /** Resolves when the process has exited or was killed. By default, the fault has the last line of standard error. */
  readonly ended = this.#ended.promise;
  /** Resolves when the process has exited. A killed process exits later than `ended`. */
  readonly exited = this.#exited.promise;
  /** Null if the process could not be created. */
  protected readonly child: ChildProcess | null;
  readonly #cancelDeadline: () => void;
  #reported: Fault<Code> | null = null;
  #fault: Fault<Code> | null = null;
  readonly #lines: string[] = [];
  #logged = { sinceMs: 0, lines: 0 };
  #partialLine = '';

  constructor(protected readonly options: SupervisedProcessOptions<Code>) {
    const { clock, startMs, signal } = options;
    this.#cancelDeadline = whenOverdue(clock, startMs, () => this.#onLate());
    this.child = this.#spawn();
    if (signal) orAborted(this.ready, signal).catch(() => this.kill('is not needed any more'));
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** How the process ended, or null while it runs. */
  get fault(): Fault<Code> | null {
    return this.#fault;
  }

  /** The recent lines of standard error. */
  protected get lines(): readonly string[] {
    return this.#lines;
  }

  /** Ends the start, with the report of the process or with a fault. */
  protected settleReady(answer: Answer<Info, Code>): void {
    this.#cancelDeadline();
    this.#ready.resolve(answer);
  }

  /** Sets the fault with which the process ends, however it ends. The first one counts. */
  protected reportFault(fault: Fault<Code>): void {
    this.#reported ??= fault;
  }

  /**
   * Counts the process as ended at once, without waiting for the kernel. `reason` is a verb phrase. SIGKILL also ends a
   * stopped or hanging process.
   */
  kill(reason: string, code: Code = this.options.faults.ended): void {
    this.child?.kill('SIGKILL');
    if (this.child) killProcessGroup(this.child);
    this.#end(`was killed because it ${reason}`, code);
  }

  /** Waits for the exit. Kills a process that has not exited after `deadlineMs`. */
  protected async untilExit(deadlineMs: number): Promise<void> {
    const { name, clock, log } = this.options;
    try {
      await withDeadline(clock, deadlineMs, () => this.exited);
    } catch {
      log.warn({ childPid: this.pid, deadlineMs }, `${name} did not exit in time`);
      this.kill(`did not exit within ${deadlineMs} ms`);
    }
  }

  #spawn(): ChildProcess | null {
    try {
      const child = this.options.spawn();
      child.on('error', ({ message }) => {
        if (child.pid === undefined) this.#onExit(`did not start (${message})`);
        else this.#onLine(message);
      });
      if (this.options.ownsGroup) ownProcessGroup(child);
      child.on('close', (code, signal) =>
        this.#onExit(signal ? `was ended by ${signal}` : `exited with code ${code}`),
      );
      child.stderr?.setEncoding('utf8').on('data', (text: string) => this.#onOutput(text));
      return child;
    } catch (thrown) {
      this.#onExit(`did not start (${messageOf(thrown)})`);
      return null;
    }
  }

  #onLate(): void {
    const { faults, startMs } = this.options;
    const reason = `was not ready within ${startMs} ms`;
    this.settleReady({ ok: false, fault: this.#toFault(faults.late, reason) });
    this.kill(reason);
  }

  /** A line may arrive in parts: C++ programs write a message in several parts. */
  #onOutput(text: string): void {
    const lines = (this.#partialLine + text).split('\n');
    this.#partialLine = (lines.pop() ?? '').slice(0, MAX_LINE_LENGTH);
    for (const line of lines) this.#onLine(line);
  }

  #onLine(line: string): void {
    const { name, outputLevel, clock, log } = this.options;
    const trimmed = line.trim().slice(0, MAX_LINE_LENGTH);
    if (!trimmed) return;
    this.#lines.push(trimmed);
    if (this.#lines.length > MAX_LINES) this.#lines.shift();
    if (clock.monotonicMs() - this.#logged.sinceMs >= LOG_WINDOW_MS)
      this.#logged = { sinceMs: clock.monotonicMs(), lines: 0 };
    this.#logged.lines += 1;
    if (this.#logged.lines > MAX_LOGGED_LINES) return;
    const more = this.#logged.lines === MAX_LOGGED_LINES ? '. Further messages are not logged for 10 s' : '';
    log[outputLevel]({ childPid: this.child?.pid, text: trimmed }, `${name} wrote a message${more}`);
  }

  #onExit(reason: string): void {
    this.#exited.resolve(this.#end(reason, this.options.faults.ended));
  }

  /** Returns the fault of the first reason. */
  #end(reason: string, code: Code): Fault<Code> {
    if (this.#fault) return this.#fault;
    this.#fault = this.#reported ?? this.#toFault(code, reason);
    this.settleReady({ ok: false, fault: this.#fault });
    this.#ended.resolve(this.#fault);
    return this.#fault;
  }

  #toFault(code: Code, reason: string): Fault<Code> {
    const { name, toFault } = this.options;
    this.#onOutput('\n');
    if (toFault) return toFault(code, reason, this.#lines);
    const last = this.#lines.at(-1);
    return { code, message: `${name} ${reason}${last ? ` (last message: ${last})` : ''}` };
  }
}
