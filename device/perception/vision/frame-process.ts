import type { Frame } from '../../hardware/camera/camera.js';
import { orAborted } from '../../kit/deadline.js';
import { deferred } from '../../kit/deferred.js';
import { type Answer, done, type Fault, failed, messageOf } from '../../kit/errors.js';
import { SupervisedProcess, type SupervisedProcessOptions } from '../../kit/supervised-process.js';
import { forkVision } from './fork.js';
import {
  type FrameReply,
  type FrameRequest,
  type FromChild,
  fromChildSchema,
  PROTOCOL,
  type StartReply,
  type ToChild,
  type VisionOptions,
} from './protocol.js';
import type { FrameQuality, VisionFault } from './vision.js';

/** Time to free the runtime and to exit. */
const CLOSE_MS = 500;

/** `startMs`: from fork to ready, including the golden samples. */
export type FrameProcessOptions = Pick<
  SupervisedProcessOptions<string>,
  'startMs' | 'signal' | 'clock' | 'log'
>;

type Reply<T> = Answer<T, VisionFault>;

/** A request that is not answered yet. */
interface Pending {
  /** Returns false if the answer does not fit the request. */
  readonly receive: (message: FrameReply) => boolean;
  readonly fail: (fault: Fault<VisionFault>) => void;
}

/**
 * A vision process, from fork to exit, with or without a model. `Info` is what it reports when it is ready. Its requests
 * run at the same time.
 */
export abstract class FrameProcess<Info> extends SupervisedProcess<Info, string> {
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #isReady = false;

  /** `visionOptions` is null for a process without a model. */
  constructor(visionOptions: VisionOptions | null, options: FrameProcessOptions) {
    super({
      ...options,
      name: 'vision process',
      spawn: forkVision,
      faults: { ended: 'vision-died', late: 'vision-timeout' },
      outputLevel: 'debug',
    });
    const { child } = this;
    child?.on('message', (message) => this.#receive(message));
    // The exit follows, also of a process that hangs.
    child?.on('disconnect', () => child.kill('SIGKILL'));
    this.ready.then(({ ok }) => {
      this.#isReady = ok;
    });
    this.ended.then(({ message }) => {
      for (const { fail } of this.#pending.values()) fail({ code: 'vision-died', message });
    });
    this.#send({ type: 'start', protocol: PROTOCOL, options: visionOptions });
  }

  inspect(frame: Frame, signal: AbortSignal): Promise<Reply<FrameQuality>> {
    return this.request('inspect', frame, signal, (reply) =>
      reply.type === 'quality' ? reply.quality : undefined,
    );
  }

  toJpeg(frame: Frame, signal: AbortSignal, maxSide: number | null): Promise<Reply<Uint8Array>> {
    const read = (reply: FrameReply) => (reply.type === 'jpeg' ? reply.bytes : undefined);
    return this.request('encode', frame, signal, read, maxSide);
  }

  /** Lets a process that is ready free its runtime. Kills another one, and one that takes too long. */
  async close(): Promise<void> {
    if (this.#isReady && !this.fault) this.#send({ type: 'close' });
    else this.kill('is not needed any more');
    await this.untilExit(CLOSE_MS);
  }

  /**
   * Sends one frame. If `signal` is aborted, the process is killed, because it may hang in native code. `read` returns
   * the value of an answer, or undefined if it is the answer to another type of request.
   */
  protected async request<T>(
    type: FrameRequest['type'],
    { bytes, format }: Frame,
    signal: AbortSignal,
    read: (reply: FrameReply) => T | undefined,
    maxSide: number | null = null,
  ): Promise<Reply<T>> {
    if (this.fault) return failed('vision-died', this.fault.message);
    this.#lastId += 1;
    const id = this.#lastId;
    const reply = deferred<Reply<T>>();
    this.#pending.set(id, {
      receive: (message) => {
        const value = read(message);
        if (message.type === 'fault') reply.resolve(failed(message.code, message.message));
        else if (value !== undefined) reply.resolve(done(value));
        return message.type === 'fault' || value !== undefined;
      },
      fail: (fault) => reply.resolve({ ok: false, fault }),
    });
    this.#send({ type, id, bytes, format: format ?? null, maxSide });
    try {
      return await orAborted(reply.promise, signal);
    } catch (thrown) {
      this.kill('did not answer before the deadline');
      return failed('vision-timeout', `vision process: no answer before the deadline (${messageOf(thrown)})`);
    } finally {
      this.#pending.delete(id);
    }
  }

  /** Receives a message about the start. */
  protected abstract onStart(message: StartReply): void;

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
    if (!parsed.success) this.killInvalid(parsed.error.message);
    else this.#handle(parsed.data);
  }

  #handle(message: FromChild): void {
    if (!('id' in message)) {
      this.onStart(message);
      return;
    }
    const pending = this.#pending.get(message.id);
    if (!pending)
      this.options.log.debug(
        { childPid: this.pid, id: message.id },
        'a late answer of the vision process was ignored',
      );
    else if (!pending.receive(message)) this.killInvalid(`${message.type} is not the answer to the request`);
  }

  protected killInvalid(reason: string): void {
    this.options.log.error({ childPid: this.pid, reason }, 'invalid message from the vision process');
    this.kill('sent an invalid message');
  }
}
