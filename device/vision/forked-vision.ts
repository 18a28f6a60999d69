import type { Logger } from 'pino';
import type { Frame } from '../camera/camera.js';
import type { Clock } from '../kit/clock.js';
import { withDeadline } from '../kit/deadline.js';
import { type Answer, done, type Fault, failed, messageOf, SortbinError } from '../kit/errors.js';
import type { ServeOptions } from './protocol.js';
import type { Classification, Vision, VisionFault, VisionInfo } from './vision.js';
import { VisionProcess } from './vision-process.js';

export interface ForkedVisionOptions extends ServeOptions {
  /** How long a child may take from fork to ready, golden samples included. */
  readonly startMs?: number;
  readonly clock: Clock;
  readonly log: Logger;
}

const START_MS = 20_000;
const FIRST_REST_MS = 100;
const LONGEST_REST_MS = 30_000;

/** `resting`: until the next attempt to start; `refusal` where the last one was refused. */
type State =
  | { readonly at: 'stopped' | 'closed' }
  | { readonly at: 'starting' | 'serving'; readonly child: VisionProcess }
  | { readonly at: 'resting'; readonly refusal: Fault | null; readonly cancel: () => void };

/**
 * Vision in a child process, which this outlives: one that dies, hangs or answers too late costs the frame it had and
 * is started again, at once, then after 100 ms, doubling up to 30 s until a frame was answered.
 */
export class ForkedVision implements Vision {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #serve: ServeOptions;
  readonly #startMs: number;
  #state: State = { at: 'stopped' };
  #onChange: (() => void)[] = [];
  #busy = false;
  /** Restarts since the last frame that was answered. */
  #restarts = 0;

  constructor({ startMs = START_MS, clock, log, ...serve }: ForkedVisionOptions) {
    this.#startMs = startMs;
    this.#clock = clock;
    this.#log = log;
    this.#serve = serve;
  }

  /** The child's, where there is one. */
  get pid(): number | undefined {
    return 'child' in this.#state ? this.#state.child.pid : undefined;
  }

  async start(): Promise<VisionInfo> {
    if (this.#state.at !== 'stopped') {
      throw new SortbinError('vision-failed', `vision is ${this.#state.at}; it is started once`);
    }
    const ready = await this.#launch();
    if (ready.ok) return ready.value;
    if (this.#at() !== 'closed') this.#change({ at: 'stopped' });
    throw new SortbinError(ready.fault.code, ready.fault.message);
  }

  async classify(frame: Frame, signal: AbortSignal): Promise<Answer<Classification, VisionFault>> {
    if (this.#busy) {
      return failed('vision-failed', `frame ${frame.id}: another one is being classified; one at a time`);
    }
    this.#busy = true;
    try {
      const child = await this.#serving(signal);
      if (!child.ok) return child;
      const reply = await child.value.classify(frame.bytes, signal);
      if (reply.ok || reply.fault.code.startsWith('picture-')) this.#restarts = 0;
      // It threw: in what state that left the runtime, nobody knows.
      if (!reply.ok && reply.fault.code === 'vision-failed') child.value.kill();
      return this.#at() === 'closed' && !reply.ok ? CLOSED : reply;
    } finally {
      this.#busy = false;
    }
  }

  async close(): Promise<void> {
    const state = this.#state;
    this.#change({ at: 'closed' });
    if (state.at === 'resting') state.cancel();
    if ('child' in state) await state.child.close(this.#clock);
  }

  /** The child that serves; waits, within `signal`, for one that is on its way. */
  async #serving(signal: AbortSignal): Promise<Answer<VisionProcess, VisionFault>> {
    for (;;) {
      const state = this.#state;
      if (signal.aborted) return failed('vision-timeout', `no time was left (${messageOf(signal.reason)})`);
      if (state.at === 'serving' && !state.child.doomed) return done(state.child);
      if (state.at === 'closed') return CLOSED;
      if (state.at === 'stopped') return failed('vision-down', 'vision is not started');
      if (state.at === 'resting' && state.refusal) {
        const { code, message } = state.refusal;
        return failed('vision-down', `vision cannot be started: ${message} (${code})`);
      }
      await this.#changed(signal);
    }
  }

  /** Starts a child and waits until it serves, or says why it does not. */
  async #launch(): Promise<Answer<VisionInfo>> {
    let child: VisionProcess;
    try {
      child = new VisionProcess(this.#serve, this.#log);
    } catch (thrown) {
      return failed('vision-died', `the vision child cannot be forked: ${messageOf(thrown)}`);
    }
    this.#change({ at: 'starting', child });
    const ready = await withDeadline(this.#clock, this.#startMs, () => child.ready).catch((thrown) =>
      failed('vision-timeout', `the vision child is not ready: ${messageOf(thrown)}`),
    );
    if (!ready.ok) await child.close(this.#clock);
    if (this.#at() === 'closed') return CLOSED;
    if (ready.ok) {
      this.#log.debug({ childPid: child.pid, ...ready.value }, 'vision serves');
      this.#change({ at: 'serving', child });
      child.ended.then((how) => this.#lost(child, how));
    }
    return ready;
  }

  #lost(child: VisionProcess, how: string): void {
    if (this.#state.at !== 'serving' || this.#state.child !== child) return;
    this.#log.warn({ childPid: child.pid, restarts: this.#restarts }, `the vision child ended ${how}`);
    this.#restart(null);
  }

  #restart(refusal: Fault | null): void {
    const restMs =
      this.#restarts === 0 ? 0 : Math.min(FIRST_REST_MS * 2 ** (this.#restarts - 1), LONGEST_REST_MS);
    this.#restarts += 1;
    const launch = async () => {
      const ready = await this.#launch();
      if (ready.ok || this.#at() === 'closed') return;
      this.#log.error({ code: ready.fault.code }, `vision cannot be started again: ${ready.fault.message}`);
      this.#restart(ready.fault);
    };
    if (restMs === 0) void launch();
    else this.#change({ at: 'resting', refusal, cancel: this.#clock.after(restMs, launch) });
  }

  /** Also for a compiler that believes the state to be what it was before an await. */
  #at(): State['at'] {
    return this.#state.at;
  }

  #change(state: State): void {
    this.#state = state;
    for (const wake of this.#onChange.splice(0)) wake();
  }

  /** Waits for the next change of state, or for `signal`. */
  #changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        signal.removeEventListener('abort', wake);
        resolve();
      };
      signal.addEventListener('abort', wake, { once: true });
      this.#onChange.push(wake);
    });
  }
}

const CLOSED = failed('vision-down', 'vision is closed');
