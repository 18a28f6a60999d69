import { type ChildProcess, fork } from 'node:child_process';
import type { Logger } from 'pino';
import type { Frame } from '../../hardware/camera/camera.js';
import type { Clock } from '../../kit/clock.js';
import { withDeadline } from '../../kit/deadline.js';
import { type Answer, done, failed, messageOf } from '../../kit/errors.js';
import { type FromChild, fromChildSchema, PROTOCOL, type ToChild, type VisionOptions } from './protocol.js';
import type { Classification, VisionFault, VisionInfo } from './vision.js';

const CHILD = new URL('./child.js', import.meta.url);

/** What the child gets of the daemon's environment: none of its secrets, for it meets hostile pictures. */
const INHERITED = ['PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR', 'LD_LIBRARY_PATH'];
/** glibc would give each thread an arena of its own, up to 8 a core, and each keeps what it once had. */
const ENVIRONMENT = { MALLOC_ARENA_MAX: '2' };
/** In megabytes. Pictures lie outside V8's heap; the small young space is what cuts the child's memory most. */
const NODE_OPTIONS = ['--max-semi-space-size=1', '--max-old-space-size=64'];

const END_DEADLINE_MS = 500;
const MAX_LINE = 500;

type Reply = Answer<Classification, VisionFault>;

/** One life of a vision child: from fork to exit, one request at a time. */
export class VisionProcess {
  /** What it serves, or why it does not. */
  readonly ready: Promise<Answer<VisionInfo>>;
  /** Settles when the process is gone: how it ended, in words. */
  readonly ended: Promise<string>;
  readonly #child: ChildProcess;
  readonly #log: Logger;
  #settleReady: (answer: Answer<VisionInfo>) => void = () => {};
  #settleEnded: (how: string) => void = () => {};
  #pending: { readonly id: number; readonly settle: (reply: Reply) => void } | null = null;
  #lastId = 0;
  #trying: string | null = null;
  #lastWords = '';
  #howEnded: string | null = null;

  /** @throws what fork throws, where the machine has no room for a process */
  constructor(serve: VisionOptions, log: Logger) {
    this.#log = log;
    this.ready = new Promise((resolve) => {
      this.#settleReady = resolve;
    });
    this.ended = new Promise((resolve) => {
      this.#settleEnded = resolve;
    });
    this.#child = fork(CHILD, {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: { ...inherited(), ...ENVIRONMENT },
      execArgv: NODE_OPTIONS,
    });
    this.#child
      .on('message', (message) => this.#hear(message))
      .on('error', (error) => this.#fail(error))
      .on('disconnect', () => this.kill())
      .on('exit', (code, signal) => this.#onEnd(signal ? `by ${signal}` : `with exit code ${code}`));
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => this.#note(text));
    this.#send({ type: 'start', protocol: PROTOCOL, serve });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** The runtime that it opened last, by its title: what serves, or what ended it. */
  get trying(): string | null {
    return this.#trying;
  }

  /** Killed, or gone: whoever asks it now is not answered. */
  get doomed(): boolean {
    return this.#child.killed || this.#howEnded !== null;
  }

  /** Asks for one picture. When `signal` is aborted the process is killed: it may hang where no message reaches it. */
  classify({ bytes, format }: Frame, signal: AbortSignal): Promise<Reply> {
    return new Promise((resolve) => {
      const settle = (reply: Reply) => {
        signal.removeEventListener('abort', onAbort);
        this.#pending = null;
        resolve(reply);
      };
      const onAbort = () => {
        this.kill();
        settle(
          failed('vision-timeout', `the vision child gave no answer in time (${messageOf(signal.reason)})`),
        );
      };
      this.#lastId += 1;
      this.#pending = { id: this.#lastId, settle };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#send({ type: 'classify', id: this.#lastId, bytes, format: format ?? null });
    });
  }

  /** Works on a stopped or hanging process too; nothing in it needs to be wound up. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  async close(clock: Clock): Promise<void> {
    this.kill();
    await withDeadline(clock, END_DEADLINE_MS, () => this.ended).catch((thrown) =>
      this.#log.warn({ childPid: this.pid }, `the vision child does not end: ${messageOf(thrown)}`),
    );
  }

  #send(message: ToChild): void {
    // A failed send needs no answer: the process' end follows.
    this.#child.send(message, (error) => {
      if (error) this.#log.debug({ childPid: this.pid }, `the vision child hears nothing: ${error.message}`);
    });
  }

  #hear(message: unknown): void {
    const parsed = fromChildSchema.safeParse(message);
    if (parsed.success) {
      this.#take(parsed.data);
    } else {
      this.#log.error(
        { childPid: this.pid },
        `the vision child says what it should not: ${parsed.error.message}`,
      );
      this.kill();
    }
  }

  #take(message: FromChild): void {
    if (message.type === 'trying') {
      this.#trying = message.title;
    } else if (message.type === 'ready') {
      this.#settleReady(done(message.info));
    } else if (message.type === 'refused') {
      this.#settleReady(failed(message.code, message.message));
    } else if (message.id !== this.#pending?.id) {
      this.#log.debug({ childPid: this.pid, id: message.id }, 'a late answer of the vision child is ignored');
    } else if (message.type === 'result') {
      this.#pending.settle(done(message.classification));
    } else {
      this.#pending.settle(failed(message.code, message.message));
    }
  }

  #fail(error: Error): void {
    if (this.pid === undefined) this.#onEnd(`before it began (${error.message})`);
    else this.#log.warn({ childPid: this.pid }, `the vision child: ${error.message}`);
  }

  #onEnd(how: string): void {
    this.#howEnded ??= how;
    this.#settleReady(this.#death());
    this.#pending?.settle(this.#death());
    this.#settleEnded(how);
  }

  #death() {
    const words = this.#lastWords ? `; its last words: ${this.#lastWords}` : '';
    return failed('vision-died', `the vision child ended ${this.#howEnded}${words}`);
  }

  #note(text: string): void {
    for (const line of text.split('\n')) {
      const words = line.trim().slice(0, MAX_LINE);
      if (!words) continue;
      this.#lastWords = words;
      this.#log.debug({ childPid: this.pid }, words);
    }
  }
}

const inherited = (): NodeJS.ProcessEnv =>
  Object.fromEntries(INHERITED.flatMap((name) => (name in process.env ? [[name, process.env[name]]] : [])));
