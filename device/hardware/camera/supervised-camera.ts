import type { Logger } from 'pino';
import type { Clock } from '../../kit/clock.js';
import { DeadlineExceeded, linkedSignal, orAborted } from '../../kit/deadline.js';
import { type Answer, done, type Fault, failed, SortbinError } from '../../kit/errors.js';
import { type HealthListener, HealthReporter } from '../../kit/health.js';
import { Supervisor } from '../../kit/supervisor.js';
import type { Camera, CameraFault, CameraInfo, CameraSettings, Frame } from './camera.js';
import { IdenticalFrames, OldFrames } from './frame-faults.js';

/** A camera that delivers frames, from its start to its first fault. A driver implements it with a child process. */
export interface CameraStream {
  readonly info: CameraInfo;
  /** Resolves when the stream is over, with the reason. A stream that freezes ends itself. */
  readonly ended: Promise<Fault<CameraFault>>;
  /** Returns the first frame whose exposure began after `atMs`. May wait forever after `ended`. */
  frameAfter(atMs: number, signal: AbortSignal): Promise<Frame>;
  /** Returns the newest frame, or the first one if there is none yet. May wait forever after `ended`. */
  latest(signal: AbortSignal): Promise<Frame>;
  /** Returns the settings that the camera uses now. null: the driver reports none. May wait forever after `ended`. */
  settings(signal: AbortSignal): Promise<CameraSettings | null>;
  /** Ends the stream at once, without waiting. `reason` is a verb phrase. */
  kill(reason: string): void;
  /** Ends the stream and waits until the camera is free, at most 1 s. */
  close(): Promise<void>;
}

export interface SupervisedCameraOptions {
  /** Starts a stream, with its own deadline. If `signal` is aborted, it ends the stream and returns a fault. */
  readonly launch: (signal: AbortSignal) => Promise<Answer<CameraStream, CameraFault>>;
  /** Number of identical frames in a row, of different times, that count as a frozen camera. 0: never. */
  readonly identicalFrames: number;
  readonly clock: Clock;
  readonly log: Logger;
}

const RETRY_LIMITS = { minMs: 250, maxMs: 30_000 };
/** Time after which a running stream resets the back-off. */
const STABLE_MS = 10_000;

/** Keeps a stream of frames running. After its end it is started again, with back-off or for the next item. */
export class SupervisedCamera implements Camera {
  readonly #supervisor: Supervisor<CameraStream, CameraFault>;
  readonly #health = new HealthReporter<CameraFault>();
  readonly #identical: IdenticalFrames;
  readonly #old = new OldFrames();
  /** Aborted when the running stream is over. A listener of `ended` could not be removed after each request. */
  #over = new AbortController();

  constructor({ launch, clock, log, identicalFrames }: SupervisedCameraOptions) {
    this.#identical = new IdenticalFrames(identicalFrames);
    this.#supervisor = new Supervisor({
      launch,
      untilDown: ({ ended }) => ended,
      isUrgent: () => false,
      onRunning: ({ info, ended }) => {
        const over = new AbortController();
        this.#over = over;
        ended.then(() => over.abort(new Error('the stream is over')));
        log.info({ part: 'camera', ...info }, 'the camera delivers frames');
        this.#health.set(this.#identical.fault);
      },
      onDown: (fault, delayMs) => {
        log.debug({ part: 'camera', code: fault.code, delayMs }, `restart scheduled: ${fault.message}`);
        this.#health.set(this.#identical.fault ?? fault);
      },
      limits: RETRY_LIMITS,
      retryStart: true,
      resetAfterMs: STABLE_MS,
      clock,
    });
  }

  async start(signal: AbortSignal): Promise<CameraInfo> {
    const { at } = this.#supervisor.state();
    if (at !== 'stopped') throw new SortbinError('camera-failed', `the camera is ${at}. Start it once.`);
    const answer = await this.#supervisor.start(signal);
    if (answer.ok) return answer.value.info;
    throw new SortbinError<CameraFault>(answer.fault.code, answer.fault.message);
  }

  async frameAfter(atMs: number, signal: AbortSignal): Promise<Answer<Frame, CameraFault>> {
    const asked = this.#request(signal, (stream, inner) => stream.frameAfter(atMs, inner));
    const answer = await asked.catch((error) => {
      if (signal.reason instanceof DeadlineExceeded) void this.#checkAge(atMs);
      throw error;
    });
    if (!answer.ok) return answer;
    const { value: frame, stream } = answer.value;
    this.#old.reset();
    const frozen = this.#identical.check(frame);
    if (frozen) {
      this.#health.set(frozen);
      stream.kill('repeated the same image');
      return { ok: false, fault: frozen };
    }
    if (this.#supervisor.state().at === 'running') this.#health.set(null);
    return done(frame);
  }

  async latest(signal: AbortSignal): Promise<Answer<Frame, CameraFault>> {
    const answer = await this.#request(signal, (stream, inner) => stream.latest(inner));
    return answer.ok ? done(answer.value.value) : answer;
  }

  async settings(signal: AbortSignal): Promise<Answer<CameraSettings | null, CameraFault>> {
    const answer = await this.#request(signal, (stream, inner) => stream.settings(inner));
    return answer.ok ? done(answer.value.value) : answer;
  }

  onHealth(listener: HealthListener<CameraFault>): void {
    this.#health.onHealth(listener);
  }

  async close(): Promise<void> {
    const state = this.#supervisor.state();
    const closed = this.#supervisor.close();
    await Promise.all([closed, state.at === 'running' ? state.process.close() : null]);
  }

  /** Sets the fault of frames that are always too old. A restart would not make them newer. */
  async #checkAge(atMs: number): Promise<void> {
    const state = this.#supervisor.state();
    if (state.at !== 'running') return;
    const over = this.#over.signal;
    const newest = await orAborted(state.process.latest(over), over).catch(() => null);
    const fault = newest && this.#old.check(newest, atMs);
    if (fault && !over.aborted) this.#health.set(fault);
  }

  /** Asks the running stream. If it ends meanwhile, asks the next one. */
  async #request<Value>(
    signal: AbortSignal,
    ask: (stream: CameraStream, signal: AbortSignal) => Promise<Value>,
  ): Promise<Answer<{ readonly value: Value; readonly stream: CameraStream }, CameraFault>> {
    for (;;) {
      signal.throwIfAborted();
      const running = await this.#untilRunning(signal);
      if (!running.ok) return running;
      const stream = running.value;
      const over = this.#over.signal;
      const inner = linkedSignal(signal);
      try {
        return done({ value: await orAborted(ask(stream, inner.signal), over), stream });
      } catch (error) {
        if (signal.aborted || !over.aborted) throw error;
      } finally {
        inner.abort(new Error('the stream is over'));
        inner.release();
      }
    }
  }

  /** Returns the running stream. Restarts one that is down. If that fails, returns the fault. */
  async #untilRunning(signal: AbortSignal): Promise<Answer<CameraStream, CameraFault>> {
    for (let attempts = 0; ; attempts++) {
      const state = this.#supervisor.state();
      if (state.at === 'running') return done(state.process);
      if (state.at === 'closed' || state.at === 'stopped')
        return failed('camera-failed', `the camera is ${state.at}`);
      const { fault } = this.#health;
      if (attempts > 0 && state.at === 'waiting' && fault) return { ok: false, fault };
      await orAborted(this.#supervisor.restartNow(), signal);
    }
  }
}
