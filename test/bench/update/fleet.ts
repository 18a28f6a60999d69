import type { Clock } from '../../../device/kit/clock.js';
import { percentiles } from '../../../device/tools/bench/report.js';
import { Poller, type Polling } from '../../../device/update/poller.js';
import type { Hours } from '../../../device/update/schedule.js';
import { randomOf } from '../../support/random.js';

export interface FleetOptions {
  readonly bins: number;
  readonly polling: Polling;
  readonly hours: Hours | null;
  /** The code of the fault of a poll at this time; null: none. */
  readonly faultAt: (sinceStartMs: number) => string | null;
  /** Local time at which all bins start, such as `21:30`. */
  readonly startAt: string;
  readonly durationMs: number;
}

/** A clock whose timers are in a heap: the simulated clock of the tests sorts all timers at each step. */
class FleetClock implements Clock {
  #nowMs = 0;
  readonly #startMs: number;
  readonly #heap: { readonly atMs: number; readonly run: () => void }[] = [];

  constructor(startAt: string) {
    this.#startMs = new Date(`2026-01-01T${startAt}`).getTime();
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#startMs + this.#nowMs;
  }

  synchronised(): boolean {
    return true;
  }

  /** No bin of the fleet cancels a timer. */
  after(delayMs: number, run: () => void): () => void {
    const heap = this.#heap;
    heap.push({ atMs: this.#nowMs + Math.max(0, delayMs), run });
    for (let at = heap.length - 1; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (!this.#swapIfLater(parent, at)) break;
      at = parent;
    }
    return () => {};
  }

  /** Runs all timers up to a time, in order. Promises settle between two of them. */
  async runUntil(untilMs: number): Promise<void> {
    for (let next = this.#heap[0]; next && next.atMs <= untilMs; next = this.#heap[0]) {
      this.#removeFirst();
      this.#nowMs = next.atMs;
      next.run();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    heap[0] = last;
    for (let at = 0; ; ) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      const child = this.#isLater(left, right) ? right : left;
      if (!this.#swapIfLater(at, child)) return;
      at = child;
    }
  }

  #isLater(one: number, other: number): boolean {
    const [a, b] = [this.#heap[one], this.#heap[other]];
    return a !== undefined && b !== undefined && a.atMs > b.atMs;
  }

  #swapIfLater(one: number, other: number): boolean {
    const [a, b] = [this.#heap[one], this.#heap[other]];
    if (!a || !b || a.atMs <= b.atMs) return false;
    this.#heap[one] = b;
    this.#heap[other] = a;
    return true;
  }
}

/** Returns the times of all polls, in milliseconds since all bins started together, in order. */
export const simulateFleet = async ({
  bins,
  polling,
  hours,
  faultAt,
  startAt,
  durationMs,
}: FleetOptions): Promise<number[]> => {
  const clock = new FleetClock(startAt);
  const random = randomOf(1);
  const polls: number[] = [];
  for (let bin = 0; bin < bins; bin++) {
    const work = async () => {
      polls.push(clock.monotonicMs());
      return faultAt(clock.monotonicMs());
    };
    // It polls until the end of the simulation, and its timer is never run then.
    const poller = new Poller({ clock, polling, hours, isBusy: () => false, random });
    void poller.run(new AbortController().signal, work);
  }
  await clock.runUntil(durationMs);
  return polls;
};

export interface PollRate {
  readonly polls: number;
  readonly perSecond: number;
  /** Of all seconds. */
  readonly p99: number;
  /** The largest number in any second, whether or not it begins with a whole second. */
  readonly max: number;
}

/** Returns the polls per second from one time to another. */
export const rateOf = (polls: readonly number[], fromMs: number, toMs: number): PollRate => {
  const inside = polls.filter((atMs) => fromMs <= atMs && atMs < toMs);
  const seconds = new Array<number>(Math.ceil((toMs - fromMs) / 1000)).fill(0);
  for (const atMs of inside) {
    const second = Math.floor((atMs - fromMs) / 1000);
    seconds[second] = (seconds[second] ?? 0) + 1;
  }
  let [first, max] = [0, 0];
  for (const [index, atMs] of inside.entries()) {
    while (atMs - (inside[first] ?? atMs) >= 1000) first += 1;
    max = Math.max(max, index - first + 1);
  }
  return {
    polls: inside.length,
    perSecond: (inside.length / (toMs - fromMs)) * 1000,
    p99: percentiles(seconds).p99,
    max,
  };
};
