import type { Logger } from 'pino';
import type { Frame } from '../../hardware/camera/camera.js';
import { AutoResetEvent } from '../../kit/auto-reset-event.js';
import { Backoff, type BackoffLimits } from '../../kit/backoff.js';
import type { Clock } from '../../kit/clock.js';
import { orAborted, withDeadline } from '../../kit/deadline.js';
import { type Answer, done, type Fault, failed, messageOf, SortbinError } from '../../kit/errors.js';
import { type HealthListener, HealthReporter } from '../../kit/health.js';
import { CircuitBreaker, findRecoverable } from './circuit-breaker.js';
import type { VisionOptions } from './protocol.js';
import { FrameQueue } from './queue.js';
import type { Classification, Vision, VisionFault, VisionInfo } from './vision.js';
import { VisionProcess } from './vision-process.js';

export interface ForkedVisionOptions extends Omit<VisionOptions, 'skip'> {
  /** Maximum time of a vision process from fork to ready, including the golden samples. */
  readonly startMs?: number;
  readonly clock: Clock;
  readonly log: Logger;
}

const START_MS = 20_000;
const RESTART_LIMITS: BackoffLimits = { minMs: 100, maxMs: 30_000 };

/** `waiting`: until the next attempt to start. `fault` is `vision-down` if the last attempt failed. */
type State =
  | { readonly at: 'stopped' | 'closed' }
  | { readonly at: 'starting'; readonly child: VisionProcess }
  | { readonly at: 'active'; readonly child: VisionProcess; readonly info: VisionInfo }
  | { readonly at: 'waiting'; readonly fault: Fault<VisionFault>; readonly cancel: () => void };

interface ActiveProcess {
  readonly child: VisionProcess;
  readonly info: VisionInfo;
}

/**
 * Vision in a separate process. If the process exits, hangs or misses a deadline, only the current frame fails. The
 * process is restarted at once, then after 100 ms, doubling up to 30 s, until a frame is answered.
 *
 * A runtime that ends the process at its start, or fails twice in a row, is skipped. It is tried again after 60 s,
 * doubling up to an hour, in a second process beside the active one.
 */
export class ForkedVision implements Vision {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #options: Omit<VisionOptions, 'skip'>;
  readonly #startMs: number;
  readonly #queue = new FrameQueue();
  readonly #breaker = new CircuitBreaker();
  readonly #listeners: ((info: VisionInfo) => void)[] = [];
  readonly #health = new HealthReporter<VisionFault>();
  readonly #changed = new AutoResetEvent();
  #state: State = { at: 'stopped' };
  readonly #restarts = new Backoff(RESTART_LIMITS);
  /** Whether no restart has been necessary since the last answered frame. The next one is immediate then. */
  #isProven = true;
  /** All processes: the one that is starting or active, and the one beside it. */
  readonly #children = new Set<VisionProcess>();
  #cancelRetry: () => void = () => {};

  constructor({ startMs = START_MS, clock, log, ...options }: ForkedVisionOptions) {
    this.#startMs = startMs;
    this.#clock = clock;
    this.#log = log;
    this.#options = options;
  }

  /** Process id of the vision process, if there is one. */
  get pid(): number | undefined {
    const state = this.#get();
    return 'child' in state ? state.child.pid : undefined;
  }

  async start(signal: AbortSignal): Promise<VisionInfo> {
    const { at } = this.#get();
    if (at !== 'stopped') {
      throw new SortbinError('vision-failed', `vision is ${at}. It can be started only once.`);
    }
    signal.throwIfAborted();
    const launched = this.#launch(signal).then((ready) => {
      if (!ready.ok && this.#get().at === 'starting') this.#set({ at: 'stopped' });
      return ready;
    });
    const ready = await orAborted(launched, signal);
    if (ready.ok) return ready.value;
    throw new SortbinError(ready.fault.code, ready.fault.message);
  }

  onChange(listener: (info: VisionInfo) => void): void {
    this.#listeners.push(listener);
  }

  onHealth(listener: HealthListener<VisionFault>): void {
    this.#health.onHealth(listener);
  }

  classify(frame: Frame, signal: AbortSignal): Promise<Answer<Classification, VisionFault>> {
    return this.#queue.run(signal, async () => {
      const active = await this.#untilActive(signal);
      if (!active.ok) return active;
      const { child, info } = active.value;
      const reply = await child.classify(frame, signal);
      if (reply.ok || reply.fault.code.startsWith('picture-')) {
        this.#isProven = true;
        this.#restarts.reset();
        this.#breaker.recordSuccess(info.title);
      } else {
        this.#breaker.recordFailure(info.title, reply.fault.message);
        // The runtime may be in an undefined state after an error.
        child.kill();
      }
      return this.#get().at === 'closed' && !reply.ok ? CLOSED : reply;
    });
  }

  async close(): Promise<void> {
    const state = this.#get();
    this.#set({ at: 'closed' });
    this.#cancelRetry();
    if (state.at === 'waiting') state.cancel();
    await Promise.all([...this.#children].map((child) => child.close(this.#clock)));
  }

  /** Returns the active process. Waits until `signal` is aborted for one that is starting. */
  async #untilActive(signal: AbortSignal): Promise<Answer<ActiveProcess, VisionFault>> {
    for (;;) {
      const state = this.#get();
      if (signal.aborted)
        return failed(
          'vision-timeout',
          `vision: cancelled before a process was ready (${messageOf(signal.reason)})`,
        );
      if (state.at === 'active' && !state.child.isTerminated) return done(state);
      if (state.at === 'closed') return CLOSED;
      if (state.at === 'stopped') return failed('vision-down', 'vision is not started');
      if (state.at === 'waiting' && state.fault.code === 'vision-down')
        return { ok: false, fault: state.fault };
      await this.#changed.wait(signal).catch(() => {});
    }
  }

  /** Starts a process. If a runtime ends the process, that runtime is skipped and another process is started. */
  async #launch(signal?: AbortSignal): Promise<Answer<VisionInfo>> {
    for (;;) {
      const forked = this.#fork();
      if (!forked.ok) return forked;
      const child = forked.value;
      this.#set({ at: 'starting', child });
      const ready = await this.#untilReady(child, signal);
      if (this.#get().at === 'closed') return CLOSED;
      if (ready.ok) {
        this.#activate({ child, info: ready.value });
        return ready;
      }
      if (signal?.aborted) return ready;
      const { triedRuntime } = child;
      const isCrash = ready.fault.code === 'vision-died' || ready.fault.code === 'vision-timeout';
      if (!isCrash || triedRuntime === null || this.#breaker.cooldownMs(triedRuntime) !== null) return ready;
      this.#log.warn({ runtime: triedRuntime }, `a runtime ended the vision process: ${ready.fault.message}`);
      this.#breaker.open(triedRuntime, ready.fault.message);
    }
  }

  /** Forks a process that skips the runtimes whose breaker is open, without the runtime `except`. */
  #fork(except?: string): Answer<VisionProcess> {
    try {
      const options = { ...this.#options, skip: this.#breaker.skipped(except) };
      const child = new VisionProcess(options, this.#log);
      this.#children.add(child);
      child.exited.then(() => this.#children.delete(child));
      return done(child);
    } catch (thrown) {
      return failed('vision-died', `vision process: cannot be started (${messageOf(thrown)})`);
    }
  }

  /** Waits until a process is ready. Closes a process that cannot start. */
  async #untilReady(child: VisionProcess, signal?: AbortSignal): Promise<Answer<VisionInfo>> {
    const ready = await withDeadline(this.#clock, this.#startMs, () => child.ready, signal).catch((thrown) =>
      failed('vision-timeout', `vision process: not ready (${messageOf(thrown)})`),
    );
    if (!ready.ok) await child.close(this.#clock);
    return ready;
  }

  #activate({ child, info }: ActiveProcess): void {
    this.#log.debug({ childPid: child.pid, ...info }, 'the vision process was started');
    this.#set({ at: 'active', child, info });
    this.#health.set(null);
    child.exited.then((how) => this.#onExit(child, how));
    this.#scheduleRetry(info);
  }

  #onExit(child: VisionProcess, how: string): void {
    const state = this.#get();
    if (state.at !== 'active' || state.child !== child) return;
    this.#log.warn({ childPid: child.pid }, `the vision process exited ${how}`);
    this.#restart({ code: 'vision-died', message: `vision process: exited ${how}` });
  }

  #restart(fault: Fault<VisionFault>): void {
    const delayMs = this.#isProven ? 0 : this.#restarts.nextMs();
    this.#isProven = false;
    const launch = async () => {
      const ready = await this.#launch();
      if (ready.ok) this.#notify(ready.value);
      if (ready.ok || this.#get().at === 'closed') return;
      const { code, message } = ready.fault;
      this.#log.error({ code }, `the vision process could not be restarted: ${message}`);
      this.#restart({ code: 'vision-down', message: `vision: cannot be started (${code}). ${message}` });
    };
    if (delayMs === 0) return void launch();
    this.#set({ at: 'waiting', fault, cancel: this.#clock.after(delayMs, launch) });
    this.#health.set(fault);
  }

  /** Schedules another attempt with the best skipped runtime that may recover. */
  #scheduleRetry({ skipped }: VisionInfo): void {
    this.#cancelRetry();
    const best = findRecoverable(skipped);
    if (!best) return;
    const title = best.runtime;
    if (this.#breaker.cooldownMs(title) === null) this.#breaker.open(title, best.why);
    this.#cancelRetry = this.#clock.after(
      this.#breaker.cooldownMs(title) ?? 0,
      () => void this.#retry(title, best.why),
    );
  }

  /** Tries a runtime in a second process. The first process stays active until the second one is ready. */
  async #retry(title: string, why: string): Promise<void> {
    const before = this.#get();
    if (before.at !== 'active') return;
    const forked = this.#fork(title);
    if (!forked.ok) return this.#scheduleRetry(before.info);
    const second = forked.value;
    const ready = await this.#untilReady(second);
    if (this.#get().at === 'closed') return;
    // If the first process has exited meanwhile, its successor has scheduled its own retry.
    const isUnchanged = this.#get() === before;
    if (ready.ok && ready.value.title === title && isUnchanged) {
      this.#log.info({ runtime: title }, 'a skipped runtime recovered');
      this.#activate({ child: second, info: ready.value });
      this.#notify(ready.value);
      // It may still classify a frame.
      await this.#queue.untilIdle();
      return before.child.close(this.#clock);
    }
    if (ready.ok) await second.close(this.#clock);
    if (!isUnchanged) return;
    const latestWhy = ready.ok
      ? ready.value.skipped.find(({ runtime }) => runtime === title)?.why
      : ready.fault.message;
    this.#breaker.open(title, latestWhy ?? why);
    this.#scheduleRetry(before.info);
  }

  /** A method, because the compiler would assume that the state is unchanged after an await. */
  #get(): State {
    return this.#state;
  }

  #set(state: State): void {
    this.#state = state;
    this.#changed.set();
  }

  #notify(info: VisionInfo): void {
    for (const listener of this.#listeners) listener(info);
  }
}

const CLOSED = failed('vision-down', 'vision is closed');
