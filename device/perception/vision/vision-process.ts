import { type ChildProcess, fork } from 'node:child_process';
import type { Logger } from 'pino';
import type { Frame } from '../../hardware/camera/camera.js';
import type { Clock } from '../../kit/clock.js';
import { orAborted, withDeadline } from '../../kit/deadline.js';
import { type Answer, done, failed, messageOf } from '../../kit/errors.js';
import { type FromChild, fromChildSchema, PROTOCOL, type ToChild, type VisionOptions } from './protocol.js';
import type { Classification, VisionFault, VisionInfo } from './vision.js';

const CHILD = new URL('./child.js', import.meta.url);

/** Environment variables passed on. The daemon's secrets are not, because malicious images may attack the process. */
const INHERITED = ['PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR', 'LD_LIBRARY_PATH'];
/** By default, glibc creates up to 8 arenas per core, one per thread. Each of them keeps its freed memory. */
const ENVIRONMENT = { MALLOC_ARENA_MAX: '2' };
/** In megabytes. Images are outside the heap of V8. The small semi-space saves most of the memory. */
const NODE_OPTIONS = ['--max-semi-space-size=1', '--max-old-space-size=64'];

const EXIT_DEADLINE_MS = 500;
const MAX_LINE = 500;

type Reply = Answer<Classification, VisionFault>;

/** A vision process, from fork to exit. It handles one request at a time. */
export class VisionProcess {
  /** The active runtime, or why the process cannot start. */
  readonly ready: Promise<Answer<VisionInfo>>;
  /** Settles when the process has exited. The text states how: `with exit code 1`. */
  readonly exited: Promise<string>;
  readonly #child: ChildProcess;
  readonly #log: Logger;
  #settleReady: (answer: Answer<VisionInfo>) => void = () => {};
  #settleExited: (how: string) => void = () => {};
  #pending: { readonly id: number; readonly settle: (reply: Reply) => void } | null = null;
  #lastId = 0;
  #triedRuntime: string | null = null;
  #lastOutput = '';
  #howExited: string | null = null;

  /** @throws the error of fork, for example if the machine is out of memory */
  constructor(options: VisionOptions, log: Logger) {
    this.#log = log;
    this.ready = new Promise((resolve) => {
      this.#settleReady = resolve;
    });
    this.exited = new Promise((resolve) => {
      this.#settleExited = resolve;
    });
    this.#child = fork(CHILD, {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: { ...inheritedEnvironment(), ...ENVIRONMENT },
      execArgv: NODE_OPTIONS,
    });
    this.#child
      .on('message', (message) => this.#receive(message))
      .on('error', (error) => this.#onError(error))
      .on('disconnect', () => this.kill())
      .on('exit', (code, signal) => this.#onExit(signal ? `on signal ${signal}` : `with exit code ${code}`));
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => this.#onOutput(text));
    this.#send({ type: 'start', protocol: PROTOCOL, options });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Title of the runtime that the process tried last: the active runtime, or the runtime that ended the process. */
  get triedRuntime(): string | null {
    return this.#triedRuntime;
  }

  /** Whether the process was killed or has exited. It does not answer requests any more. */
  get isTerminated(): boolean {
    return this.#child.killed || this.#howExited !== null;
  }

  /** Classifies one frame. If `signal` is aborted, the process is killed, because it may hang in native code. */
  async classify({ bytes, format }: Frame, signal: AbortSignal): Promise<Reply> {
    this.#lastId += 1;
    const id = this.#lastId;
    const reply = new Promise<Reply>((settle) => {
      this.#pending = { id, settle };
    });
    this.#send({ type: 'classify', id, bytes, format: format ?? null });
    try {
      return await orAborted(reply, signal);
    } catch (thrown) {
      this.kill();
      return failed('vision-timeout', `vision process: no answer before the deadline (${messageOf(thrown)})`);
    } finally {
      this.#pending = null;
    }
  }

  /** Uses SIGKILL, which also ends a stopped or hanging process. The process has nothing to clean up. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  async close(clock: Clock): Promise<void> {
    this.kill();
    await withDeadline(clock, EXIT_DEADLINE_MS, () => this.exited).catch((thrown) =>
      this.#log.warn({ childPid: this.pid }, `the vision process did not exit: ${messageOf(thrown)}`),
    );
  }

  #send(message: ToChild): void {
    // A failed send needs no handling: the exit of the process follows.
    this.#child.send(message, (error) => {
      if (error)
        this.#log.debug({ childPid: this.pid }, `a message to the vision process was lost: ${error.message}`);
    });
  }

  #receive(message: unknown): void {
    const parsed = fromChildSchema.safeParse(message);
    if (parsed.success) {
      this.#handle(parsed.data);
    } else {
      const reason = parsed.error.message;
      this.#log.error({ childPid: this.pid, reason }, 'invalid message from the vision process');
      this.kill();
    }
  }

  #handle(message: FromChild): void {
    if (message.type === 'trying') {
      this.#triedRuntime = message.title;
    } else if (message.type === 'ready') {
      this.#settleReady(done(message.info));
    } else if (message.type === 'refused') {
      this.#settleReady(failed(message.code, message.message));
    } else if (message.id !== this.#pending?.id) {
      this.#log.debug(
        { childPid: this.pid, id: message.id },
        'a late answer of the vision process was ignored',
      );
    } else if (message.type === 'result') {
      this.#pending.settle(done(message.classification));
    } else {
      this.#pending.settle(failed(message.code, message.message));
    }
  }

  #onError(error: Error): void {
    if (this.pid === undefined) this.#onExit(`during its start (${error.message})`);
    else this.#log.warn({ childPid: this.pid }, `error in the vision process: ${error.message}`);
  }

  #onExit(how: string): void {
    this.#howExited ??= how;
    this.#settleReady(this.#exitFault());
    this.#pending?.settle(this.#exitFault());
    this.#settleExited(how);
  }

  #exitFault() {
    const output = this.#lastOutput ? `. Last output: ${this.#lastOutput}` : '';
    return failed('vision-died', `vision process: exited ${this.#howExited}${output}`);
  }

  #onOutput(text: string): void {
    for (const line of text.split('\n')) {
      const output = line.trim().slice(0, MAX_LINE);
      if (!output) continue;
      this.#lastOutput = output;
      this.#log.debug({ childPid: this.pid }, output);
    }
  }
}

const inheritedEnvironment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(INHERITED.flatMap((name) => (name in process.env ? [[name, process.env[name]]] : [])));
