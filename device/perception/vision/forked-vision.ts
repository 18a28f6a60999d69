import type { Logger } from 'pino';
import type { Frame } from '../../hardware/camera/camera.js';
import type { BackoffLimits } from '../../kit/backoff.js';
import type { Clock } from '../../kit/clock.js';
import { type Answer, done, type Fault, failed, messageOf, SortbinError } from '../../kit/errors.js';
import { type HealthListener, HealthReporter } from '../../kit/health.js';
import { Supervisor } from '../../kit/supervisor.js';
import { CircuitBreaker, findRecoverable } from './circuit-breaker.js';
import type { VisionOptions } from './protocol.js';
import { FrameQueue } from './queue.js';
import type { Classification, FrameQuality, Vision, VisionFault, VisionInfo } from './vision.js';
import { VisionProcess } from './vision-process.js';

export interface ForkedVisionOptions extends Omit<VisionOptions, 'skip'> {
  /** Maximum time of a vision process from fork to ready, including the golden samples. */
  readonly startMs?: number;
  /** Whether another process uses the accelerator. Then the vision starts without it, and tries it after 60 s. */
  readonly isAcceleratorBusy?: boolean;
  readonly clock: Clock;
  readonly log: Logger;
}

const START_MS = 20_000;
const RESTART_LIMITS: BackoffLimits = { minMs: 100, maxMs: 30_000 };

interface ActiveProcess {
  readonly child: VisionProcess;
  readonly info: VisionInfo;
}

/**
 * Vision in a separate process. If the process exits, hangs or misses a deadline, only the current frame fails. The
 * process is restarted at once, then after 100 ms, doubling up to 30 s, until a frame is answered.
 *
 * A runtime that ends the process at its start, or fails twice in a row, is skipped, and so is an accelerator that hangs.
 * It is tried again after 60 s, doubling up to an hour, in a second process beside the active one.
 */
export class ForkedVision implements Vision {
  readonly #options: Required<ForkedVisionOptions>;
  readonly #supervisor: Supervisor<ActiveProcess, string>;
  readonly #queue = new FrameQueue();
  /** Frames that are inspected or encoded, beside the classifications. */
  readonly #assisting = new FrameQueue();
  readonly #breaker = new CircuitBreaker();
  readonly #listeners: ((info: VisionInfo) => void)[] = [];
  readonly #health = new HealthReporter<VisionFault>();
  /** All processes: the first one, starting or active, and a second one beside it. */
  readonly #children = new Set<VisionProcess>();
  /** Whether a frame was answered since the last restart. The next restart is immediate then, like the first one. */
  #isProven = true;
  /** Why the last restart failed; null if it succeeded. */
  #refusal: Fault<VisionFault> | null = null;
  #hasStarted = false;
  #cancelRetry: () => void = () => {};
  /** Aborted by a frame that arrives while the vision is suspended. */
  #arrival = new AbortController();

  constructor(options: ForkedVisionOptions) {
    this.#options = { startMs: START_MS, isAcceleratorBusy: false, ...options };
    if (this.#options.isAcceleratorBusy)
      this.#breaker.open('edgetpu', 'the model before this one uses the accelerator');
    this.#supervisor = new Supervisor({
      launch: (signal) => this.#launch(signal),
      untilDown: ({ child }) => child.exited,
      isUrgent: () => this.#isProven,
      onRunning: (active) => this.#onRunning(active),
      onDown: (fault, delayMs, hasRun) => this.#onDown(fault, delayMs, hasRun),
      limits: RESTART_LIMITS,
      resetAfterMs: Number.POSITIVE_INFINITY,
      clock: options.clock,
    });
  }

  /** Process id of the active vision process, if there is one. */
  get pid(): number | undefined {
    const state = this.#supervisor.state();
    return state.at === 'running' ? state.process.child.pid : undefined;
  }

  async start(signal: AbortSignal): Promise<VisionInfo> {
    const { at } = this.#supervisor.state();
    if (at !== 'stopped') {
      throw new SortbinError('vision-failed', `vision is ${at}. It can be started only once.`);
    }
    const answer = await this.#supervisor.start(signal);
    this.#hasStarted = answer.ok;
    if (answer.ok) return answer.value.info;
    const { code, message } = this.#isClosed() ? CLOSED.fault : answer.fault;
    throw new SortbinError(code, message);
  }

  async suspend<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { at } = this.#supervisor.state();
    if (at !== 'running' || !this.#queue.isIdle || !this.#assisting.isIdle) {
      const state = at === 'running' ? 'processing a frame' : at;
      throw new SortbinError('vision-busy', `vision is ${state}. Try again while it is idle.`);
    }
    this.#arrival = new AbortController();
    this.#supervisor.pause();
    try {
      await this.#endProcesses();
      return await work(this.#arrival.signal);
    } finally {
      await this.#supervisor.resume();
    }
  }

  onChange(listener: (info: VisionInfo) => void): void {
    this.#listeners.push(listener);
  }

  onHealth(listener: HealthListener<VisionFault>): void {
    this.#health.onHealth(listener);
  }

  classify(frame: Frame, signal: AbortSignal): Promise<Answer<Classification, VisionFault>> {
    const { clock } = this.#options;
    const requestedMs = clock.monotonicMs();
    return this.#queue.run(signal, async () => {
      const active = await this.#untilActive(signal);
      if (!active.ok) return active;
      const { child, info } = active.value;
      const sentMs = clock.monotonicMs();
      const reply = await child.classify(frame, signal);
      if (reply.ok || reply.fault.code.startsWith('picture-')) {
        this.#isProven = true;
        this.#supervisor.resetBackoff();
        this.#breaker.recordSuccess(info.title);
      } else {
        // An accelerator would hang again at the golden samples of the next process. If the frame has waited for most of
        // its time, a missed deadline is no proof of that.
        const hasHung =
          info.runtime.name === 'edgetpu' &&
          reply.fault.code === 'vision-timeout' &&
          clock.monotonicMs() - sentMs >= sentMs - requestedMs;
        if (hasHung) this.#breaker.open(info.title, reply.fault.message);
        else this.#breaker.recordFailure(info.title, reply.fault.message);
        // The runtime may be in an undefined state after an error.
        child.kill('could not classify a frame');
      }
      return this.#isClosed() && !reply.ok ? CLOSED : reply;
    });
  }

  inspect(frame: Frame, signal: AbortSignal): Promise<Answer<FrameQuality, VisionFault>> {
    return this.#assist(signal, (child) => child.inspect(frame, signal));
  }

  toJpeg(frame: Frame, signal: AbortSignal, maxSide?: number): Promise<Answer<Uint8Array, VisionFault>> {
    return this.#assist(signal, (child) => child.toJpeg(frame, signal, maxSide ?? null));
  }

  async close(): Promise<void> {
    const closed = this.#supervisor.close();
    await Promise.all([closed, this.#endProcesses()]);
  }

  async #endProcesses(): Promise<void> {
    this.#cancelRetry();
    await Promise.all([...this.#children].map((child) => child.close()));
  }

  /** Work without the model. A fault says nothing about the runtime. */
  #assist<T>(
    signal: AbortSignal,
    work: (child: VisionProcess) => Promise<Answer<T, VisionFault>>,
  ): Promise<Answer<T, VisionFault>> {
    return this.#assisting.run(signal, async () => {
      const active = await this.#untilActive(signal);
      const reply = active.ok ? await work(active.value.child) : active;
      return this.#isClosed() && !reply.ok ? CLOSED : reply;
    });
  }

  #isClosed(): boolean {
    return this.#supervisor.state().at === 'closed';
  }

  /** Returns the active process. Waits until `signal` is aborted for one that is starting. */
  async #untilActive(signal: AbortSignal): Promise<Answer<ActiveProcess, VisionFault>> {
    for (;;) {
      const state = this.#supervisor.state();
      if (signal.aborted)
        return failed(
          'vision-timeout',
          `vision: cancelled before a process was ready (${messageOf(signal.reason)})`,
        );
      if (state.at === 'running' && !state.process.child.fault) return done(state.process);
      if (state.at === 'closed') return CLOSED;
      if (state.at === 'stopped') return failed('vision-down', 'vision is not started');
      if (state.at === 'paused') this.#arrival.abort(new Error('a frame has arrived'));
      if (state.at === 'waiting' && this.#refusal) return { ok: false, fault: this.#refusal };
      await this.#supervisor.changed.wait(signal).catch(() => {});
    }
  }

  /** Starts a process. If a runtime ends the process, that runtime is skipped and another process is started. */
  async #launch(signal: AbortSignal): Promise<Answer<ActiveProcess>> {
    for (;;) {
      const child = this.#fork(signal);
      const ready = await untilReady(child);
      if (ready.ok) return done({ child, info: ready.value });
      const { triedRuntime } = child;
      const isCrash = ready.fault.code === 'vision-died' || ready.fault.code === 'vision-timeout';
      if (signal.aborted || !isCrash || triedRuntime === null) return ready;
      if (this.#breaker.cooldownMs(triedRuntime) !== null) return ready;
      this.#options.log.warn(
        { runtime: triedRuntime },
        `a runtime ended the vision process: ${ready.fault.message}`,
      );
      this.#breaker.open(triedRuntime, ready.fault.message);
    }
  }

  /** Forks a process that skips the runtimes whose breaker is open, without the runtime `except`. */
  #fork(signal: AbortSignal | null, except?: string): VisionProcess {
    const { startMs, isAcceleratorBusy: _, clock, log, ...options } = this.#options;
    const skip = this.#breaker.skipped(except);
    const child = new VisionProcess(
      { ...options, skip },
      { startMs, clock, log, ...(signal ? { signal } : {}) },
    );
    this.#children.add(child);
    child.exited.then(() => this.#children.delete(child));
    return child;
  }

  #onRunning({ child, info }: ActiveProcess): void {
    this.#options.log.debug({ childPid: child.pid, ...info }, 'the vision process was started');
    this.#health.set(null);
    this.#scheduleRetry(info);
    if (this.#hasStarted) for (const listener of this.#listeners) listener(info);
  }

  #onDown({ code, message }: Fault, delayMs: number, hasRun: boolean): void {
    this.#options.log.warn({ code, reason: message, delayMs }, 'scheduled a restart of the vision process');
    this.#isProven = false;
    this.#refusal = hasRun
      ? null
      : failed('vision-down', `vision: cannot be started (${code}). ${message}`).fault;
    if (delayMs > 0) this.#health.set(this.#refusal ?? { code: 'vision-died', message });
  }

  /** Schedules another attempt with the best skipped runtime that may recover. */
  #scheduleRetry({ skipped }: VisionInfo): void {
    this.#cancelRetry();
    const best = findRecoverable(skipped);
    if (!best) return;
    const title = best.runtime;
    if (this.#breaker.cooldownMs(title) === null) this.#breaker.open(title, best.why);
    this.#cancelRetry = this.#options.clock.after(
      this.#breaker.cooldownMs(title) ?? 0,
      () => void this.#retry(title, best.why),
    );
  }

  /** Tries a runtime in a second process. The first process stays active until the second one is ready. */
  async #retry(title: string, why: string): Promise<void> {
    const before = this.#supervisor.state();
    if (before.at !== 'running') return;
    const first = before.process;
    const second = this.#fork(null, title);
    const ready = await untilReady(second);
    // If the first process has exited meanwhile, its successor has scheduled its own retry.
    const isUnchanged = this.#supervisor.state() === before;
    if (ready.ok && ready.value.title === title && isUnchanged) {
      this.#options.log.info({ runtime: title }, 'a skipped runtime recovered');
      this.#supervisor.run({ child: second, info: ready.value });
      // It may still process a frame.
      await Promise.all([this.#queue.untilIdle(), this.#assisting.untilIdle()]);
      return first.child.close();
    }
    if (ready.ok) await second.close();
    if (!isUnchanged) return;
    const latestWhy = ready.ok
      ? ready.value.skipped.find(({ runtime }) => runtime === title)?.why
      : ready.fault.message;
    this.#breaker.open(title, latestWhy ?? why);
    this.#scheduleRetry(first.info);
  }
}

const CLOSED = failed('vision-down', 'vision is closed');

/** Waits until a process is ready. Closes a process that cannot start. */
const untilReady = async (child: VisionProcess): Promise<Answer<VisionInfo>> => {
  const ready = await child.ready;
  if (!ready.ok) await child.close();
  return ready;
};
