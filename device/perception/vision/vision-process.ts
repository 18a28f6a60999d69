import { fork } from 'node:child_process';
import type { Frame } from '../../hardware/camera/camera.js';
import { orAborted } from '../../kit/deadline.js';
import { type Answer, done, failed, messageOf } from '../../kit/errors.js';
import { SupervisedProcess, type SupervisedProcessOptions } from '../../kit/supervised-process.js';
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

type Reply = Answer<Classification, VisionFault>;

/** `startMs`: from fork to ready, including the golden samples. */
export type VisionProcessOptions = Pick<
  SupervisedProcessOptions<string>,
  'startMs' | 'signal' | 'clock' | 'log'
>;

/** A vision process, from fork to exit. It reports the active runtime, and handles one request at a time. */
export class VisionProcess extends SupervisedProcess<VisionInfo, string> {
  #pending: { readonly id: number; readonly settle: (reply: Reply) => void } | null = null;
  #lastId = 0;
  #triedRuntime: string | null = null;

  constructor(visionOptions: VisionOptions, options: VisionProcessOptions) {
    super({
      ...options,
      name: 'vision process',
      spawn: () =>
        fork(CHILD, {
          serialization: 'advanced',
          stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
          env: { ...inheritedEnvironment(), ...ENVIRONMENT },
          execArgv: NODE_OPTIONS,
        }),
      faults: { ended: 'vision-died', late: 'vision-timeout' },
      outputLevel: 'debug',
    });
    const { child } = this;
    child?.on('message', (message) => this.#receive(message));
    // The exit follows, also of a process that hangs.
    child?.on('disconnect', () => child.kill('SIGKILL'));
    this.ended.then(({ message }) => this.#pending?.settle(failed('vision-died', message)));
    this.#send({ type: 'start', protocol: PROTOCOL, options: visionOptions });
  }

  /** Title of the runtime that the process tried last: the active runtime, or the runtime that ended the process. */
  get triedRuntime(): string | null {
    return this.#triedRuntime;
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
      this.kill('did not answer before the deadline');
      return failed('vision-timeout', `vision process: no answer before the deadline (${messageOf(thrown)})`);
    } finally {
      this.#pending = null;
    }
  }

  /** Kills the process, which has nothing to clean up. */
  async close(): Promise<void> {
    this.kill('is not needed any more');
    await this.untilExit(EXIT_DEADLINE_MS);
  }

  #send(message: ToChild): void {
    // A failed send needs no handling: the exit of the process follows.
    this.child?.send(message, (error) => {
      if (error)
        this.options.log.debug(
          { childPid: this.pid },
          `a message to the vision process was lost: ${error.message}`,
        );
    });
  }

  #receive(message: unknown): void {
    const parsed = fromChildSchema.safeParse(message);
    if (parsed.success) {
      this.#handle(parsed.data);
    } else {
      const reason = parsed.error.message;
      this.options.log.error({ childPid: this.pid, reason }, 'invalid message from the vision process');
      this.kill('sent an invalid message');
    }
  }

  #handle(message: FromChild): void {
    if (message.type === 'trying') {
      this.#triedRuntime = message.title;
    } else if (message.type === 'ready') {
      this.settleReady(done(message.info));
    } else if (message.type === 'refused') {
      this.settleReady(failed(message.code, message.message));
    } else if (message.id !== this.#pending?.id) {
      this.options.log.debug(
        { childPid: this.pid, id: message.id },
        'a late answer of the vision process was ignored',
      );
    } else if (message.type === 'result') {
      this.#pending.settle(done(message.classification));
    } else {
      this.#pending.settle(failed(message.code, message.message));
    }
  }
}

const inheritedEnvironment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(INHERITED.flatMap((name) => (name in process.env ? [[name, process.env[name]]] : [])));
