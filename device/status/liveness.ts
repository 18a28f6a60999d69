import type { Progress, WatchedPart } from '../cycle/progress.js';
import type { Clock } from '../kit/clock.js';
import type { Service } from '../kit/service.js';

/** The longest time without progress, for the event loop of the daemon and for each part. */
export interface LivenessLimits {
  readonly eventLoopMs: number;
  readonly partMs: Readonly<Record<WatchedPart, number>>;
}

/** A part that makes no progress. */
export interface Stall {
  /** A part, or `event-loop`. */
  readonly part: string;
  /** Monotonic milliseconds: the start of the attempt that hangs or failed first, or the last heartbeat. */
  readonly sinceMs: number;
  readonly reason: string;
}

export type LivenessState =
  | { readonly ok: true }
  | { readonly ok: false; readonly stalled: readonly Stall[] };

/** With fewer failures in a row, a part is not stalled. */
const FAILURES = 3;
/** Attempts in progress that are recorded for a part. Newer ones are not the oldest, which decides. */
const MAX_RUNNING = 1_000;
/** Heartbeats of the event loop within its limit. */
const BEATS = 4;

/**
 * Tells whether the daemon makes progress, for a watchdog that restarts it. An idle bin is healthy.
 *
 * A part is stalled while an attempt lasts longer than its limit. It is also stalled if at least three attempts failed
 * in a row, and the first began longer ago than the limit. A success ends that.
 *
 * The event loop is stalled if its last heartbeat is older than its limit. After a block, timers run in any order. So a
 * heartbeat that comes too late does not count, and the loop is stalled until the next one.
 */
export class Liveness implements Progress, Service {
  readonly name = 'liveness';
  readonly #parts: Readonly<Record<WatchedPart, PartProgress>>;
  #beatAtMs: number | null = null;
  #cancelBeat = () => {};

  constructor(
    private readonly limits: LivenessLimits,
    private readonly clock: Clock,
  ) {
    const { camera, journal, vision } = limits.partMs;
    this.#parts = {
      camera: new PartProgress(camera),
      journal: new PartProgress(journal),
      vision: new PartProgress(vision),
    };
  }

  /** Starts the heartbeat. The event loop is judged from now on. */
  async start(): Promise<void> {
    this.#cancelBeat();
    this.#beatAtMs = this.clock.monotonicMs();
    this.#scheduleBeat(this.#beatAtMs);
  }

  /** Stops the heartbeat. */
  async stop(): Promise<void> {
    this.#cancelBeat();
    this.#beatAtMs = null;
  }

  /** Records the start of an attempt. Call the returned function at its end. Only the first call counts. */
  begin(part: WatchedPart): (ok: boolean) => void {
    return this.#parts[part].begin(this.clock.monotonicMs());
  }

  /** Returns whether everything makes progress. `nowMs`: monotonic milliseconds. */
  healthy(nowMs = this.clock.monotonicMs()): LivenessState {
    const stalled = Object.entries(this.#parts).flatMap(([part, progress]) => {
      const stall = progress.stall(nowMs);
      return stall ? [{ part, ...stall }] : [];
    });
    const loop = this.#loopStall(nowMs);
    if (loop) stalled.unshift(loop);
    return stalled.length === 0 ? { ok: true } : { ok: false, stalled };
  }

  #loopStall(nowMs: number): Stall | null {
    const { eventLoopMs } = this.limits;
    if (this.#beatAtMs === null || nowMs - this.#beatAtMs <= eventLoopMs) return null;
    const reason = `no heartbeat in time for ${Math.round(nowMs - this.#beatAtMs)} ms, limit ${eventLoopMs} ms`;
    return { part: 'event-loop', sinceMs: this.#beatAtMs, reason };
  }

  #scheduleBeat(fromMs: number): void {
    const { eventLoopMs } = this.limits;
    this.#cancelBeat = this.clock.after(eventLoopMs / BEATS, () => {
      const nowMs = this.clock.monotonicMs();
      if (nowMs - fromMs <= eventLoopMs) this.#beatAtMs = nowMs;
      this.#scheduleBeat(nowMs);
    });
  }
}

/** The attempts of one part. */
class PartProgress {
  /** Oldest first. */
  readonly #running = new Set<{ readonly beganAtMs: number }>();
  #failures = 0;
  #firstFailureMs = 0;

  constructor(private readonly limitMs: number) {}

  begin(beganAtMs: number): (ok: boolean) => void {
    const attempt = { beganAtMs };
    let isRunning = true;
    if (this.#running.size < MAX_RUNNING) this.#running.add(attempt);
    return (ok) => {
      if (!isRunning) return;
      isRunning = false;
      this.#running.delete(attempt);
      if (!ok && this.#failures === 0) this.#firstFailureMs = beganAtMs;
      this.#failures = ok ? 0 : this.#failures + 1;
    };
  }

  stall(nowMs: number): Omit<Stall, 'part'> | null {
    const { limitMs } = this;
    const [oldest] = this.#running;
    const text = (sinceMs: number) => `for ${Math.round(nowMs - sinceMs)} ms, limit ${limitMs} ms`;
    if (oldest && nowMs - oldest.beganAtMs > limitMs)
      return { sinceMs: oldest.beganAtMs, reason: `an attempt has not ended ${text(oldest.beganAtMs)}` };
    const sinceMs = this.#firstFailureMs;
    if (this.#failures < FAILURES || nowMs - sinceMs <= limitMs) return null;
    return { sinceMs, reason: `no success ${text(sinceMs)}, ${this.#failures} failures in a row` };
  }
}
