import type { Logger } from 'pino';
import type { Frame } from '../../hardware/camera/camera.js';
import type { Clock } from '../../kit/clock.js';
import { withDeadline } from '../../kit/deadline.js';
import { type Answer, done, type Fault, failed, messageOf, SortbinError } from '../../kit/errors.js';
import { CircuitBreaker } from './circuit-breaker.js';
import type { VisionOptions } from './protocol.js';
import { Queue } from './queue.js';
import type { Classification, Vision, VisionFault, VisionInfo } from './vision.js';
import { VisionProcess } from './vision-process.js';

export interface ForkedVisionOptions extends Omit<VisionOptions, 'skip'> {
  /** How long a child may take from fork to ready, golden samples included. */
  readonly startMs?: number;
  readonly clock: Clock;
  readonly log: Logger;
}

const START_MS = 20_000;
const FIRST_REST_MS = 100;
const LONGEST_REST_MS = 30_000;

/** Where a runtime was passed over for one of these, it may serve another time. */
const PASSING = new Set(['edgetpu-no-device', 'edgetpu-refused', 'invoke-failed']);

/** `resting`: until the next attempt to start; `refusal` where the last one was refused. */
type State =
  | { readonly at: 'stopped' | 'closed' }
  | { readonly at: 'starting'; readonly child: VisionProcess }
  | { readonly at: 'serving'; readonly child: VisionProcess; readonly info: VisionInfo }
  | { readonly at: 'resting'; readonly refusal: Fault | null; readonly cancel: () => void };

interface Launched {
  readonly child: VisionProcess;
  readonly info: VisionInfo;
}

/**
 * Vision in a child process, which this outlives: one that dies, hangs or answers too late costs the frame it had and
 * is started again, at once, then after 100 ms, doubling up to 30 s until a frame was answered. A runtime that takes
 * the child with it at the start, or fails twice in a row, is left out of the chain and tried again, in a child beside
 * the one that serves, after 60 s, doubling up to an hour.
 */
export class ForkedVision implements Vision {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #serve: Omit<VisionOptions, 'skip'>;
  readonly #startMs: number;
  readonly #queue = new Queue();
  readonly #barred = new CircuitBreaker();
  readonly #listeners: ((info: VisionInfo) => void)[] = [];
  #state: State = { at: 'stopped' };
  #onChange: (() => void)[] = [];
  /** Restarts since the last frame that was answered. */
  #restarts = 0;
  #second: VisionProcess | null = null;
  #cancelRetry: () => void = () => {};

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

  onChange(listener: (info: VisionInfo) => void): void {
    this.#listeners.push(listener);
  }

  classify(frame: Frame, signal: AbortSignal): Promise<Answer<Classification, VisionFault>> {
    return this.#queue.run(signal, async () => {
      const serving = await this.#serving(signal);
      if (!serving.ok) return serving;
      const { child, info } = serving.value;
      const reply = await child.classify(frame, signal);
      if (reply.ok || reply.fault.code.startsWith('picture-')) {
        this.#restarts = 0;
        this.#barred.recordSuccess(info.title);
      } else {
        this.#barred.recordFailure(info.title, reply.fault.message);
        // It threw: in what state that left the runtime, nobody knows.
        child.kill();
      }
      return this.#at() === 'closed' && !reply.ok ? CLOSED : reply;
    });
  }

  async close(): Promise<void> {
    const state = this.#state;
    this.#change({ at: 'closed' });
    this.#cancelRetry();
    if (state.at === 'resting') state.cancel();
    const children = [...('child' in state ? [state.child] : []), ...(this.#second ? [this.#second] : [])];
    await Promise.all(children.map((child) => child.close(this.#clock)));
  }

  /** The child that serves; waits, within `signal`, for one that is on its way. */
  async #serving(signal: AbortSignal): Promise<Answer<Launched, VisionFault>> {
    for (;;) {
      const state = this.#state;
      if (signal.aborted) return failed('vision-timeout', `no time was left (${messageOf(signal.reason)})`);
      if (state.at === 'serving' && !state.child.doomed) return done(state);
      if (state.at === 'closed') return CLOSED;
      if (state.at === 'stopped') return failed('vision-down', 'vision is not started');
      if (state.at === 'resting' && state.refusal) {
        const { code, message } = state.refusal;
        return failed('vision-down', `vision cannot be started: ${message} (${code})`);
      }
      await this.#changed(signal);
    }
  }

  /** Starts children until one serves; one that a runtime has ended is followed by one that leaves it out. */
  async #launch(): Promise<Answer<VisionInfo>> {
    for (;;) {
      const child = this.#fork();
      if (!child.ok) return child;
      this.#change({ at: 'starting', child: child.value });
      const ready = await this.#ready(child.value);
      if (this.#at() === 'closed') return CLOSED;
      if (ready.ok) {
        this.#take({ child: child.value, info: ready.value });
        return ready;
      }
      const { trying } = child.value;
      const native = ready.fault.code === 'vision-died' || ready.fault.code === 'vision-timeout';
      if (!native || trying === null || this.#barred.restMs(trying) !== null) return ready;
      this.#log.warn({ runtime: trying }, `${trying} ended the vision child: ${ready.fault.message}`);
      this.#barred.open(trying, ready.fault.message);
    }
  }

  #fork(but?: string): Answer<VisionProcess> {
    try {
      return done(new VisionProcess({ ...this.#serve, skip: this.#barred.skipped(but) }, this.#log));
    } catch (thrown) {
      return failed('vision-died', `the vision child cannot be forked: ${messageOf(thrown)}`);
    }
  }

  /** What a child serves, or why it does not: then it is closed. */
  async #ready(child: VisionProcess): Promise<Answer<VisionInfo>> {
    const ready = await withDeadline(this.#clock, this.#startMs, () => child.ready).catch((thrown) =>
      failed('vision-timeout', `the vision child is not ready: ${messageOf(thrown)}`),
    );
    if (!ready.ok) await child.close(this.#clock);
    return ready;
  }

  #take({ child, info }: Launched): void {
    this.#log.debug({ childPid: child.pid, ...info }, 'vision serves');
    this.#change({ at: 'serving', child, info });
    child.ended.then((how) => this.#lost(child, how));
    this.#retryLater(info);
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
      if (ready.ok) this.#tell(ready.value);
      if (ready.ok || this.#at() === 'closed') return;
      this.#log.error({ code: ready.fault.code }, `vision cannot be started again: ${ready.fault.message}`);
      this.#restart(ready.fault);
    };
    if (restMs === 0) void launch();
    else this.#change({ at: 'resting', refusal, cancel: this.#clock.after(restMs, launch) });
  }

  /** Has the best runtime that was passed over, but may serve another time, tried again. */
  #retryLater({ skipped }: VisionInfo): void {
    this.#cancelRetry();
    const best = skipped.find(({ code }) => code === 'barred' || (code !== undefined && PASSING.has(code)));
    if (!best) return;
    const title = best.runtime;
    if (this.#barred.restMs(title) === null) this.#barred.open(title, best.why);
    this.#cancelRetry = this.#clock.after(
      this.#barred.restMs(title) ?? 0,
      () => void this.#retry(title, best.why),
    );
  }

  /** Tries a runtime in a second child; the first serves on until that one has passed. */
  async #retry(title: string, why: string): Promise<void> {
    const before = this.#state;
    if (before.at !== 'serving') return;
    const second = this.#fork(title);
    if (!second.ok) return this.#retryLater(before.info);
    this.#second = second.value;
    const ready = await this.#ready(second.value);
    this.#second = null;
    if (this.#at() === 'closed') return second.value.close(this.#clock);
    // The first one may have ended meanwhile: its successor has planned a retry of its own.
    const still = this.#state === before;
    if (ready.ok && ready.value.title === title && still) {
      while (this.#queue.busy) await this.#queue.idle();
      if (this.#state !== before) return second.value.close(this.#clock);
      this.#log.info({ runtime: title }, `${title} serves again`);
      this.#take({ child: second.value, info: ready.value });
      this.#tell(ready.value);
      await before.child.close(this.#clock);
      return;
    }
    if (ready.ok) await second.value.close(this.#clock);
    if (!still) return;
    const again = ready.ok
      ? ready.value.skipped.find(({ runtime }) => runtime === title)?.why
      : ready.fault.message;
    this.#barred.open(title, again ?? why);
    this.#retryLater(before.info);
  }

  #tell(info: VisionInfo): void {
    for (const listener of this.#listeners) listener(info);
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
