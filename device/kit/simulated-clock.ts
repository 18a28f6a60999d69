import type { Clock } from './clock.js';

interface Task {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

/** A clock that only `advance` moves: a test of hours takes milliseconds. */
export class SimulatedClock implements Clock {
  #nowMs: number;
  #order = 0;
  readonly #tasks = new Set<Task>();

  constructor(
    startMs = 1_000,
    private readonly epochMs = Date.UTC(2026, 0, 1),
  ) {
    this.#nowMs = startMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.epochMs + this.#nowMs;
  }

  synchronised(): boolean {
    return true;
  }

  after(delayMs: number, run: () => void): () => void {
    const task = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, run };
    this.#tasks.add(task);
    return () => this.#tasks.delete(task);
  }

  /** Number of running timers. */
  get waiting(): number {
    return this.#tasks.size;
  }

  /** Moves time forward, timer by timer. Promises settle between two timers. */
  async advance(byMs: number): Promise<void> {
    const untilMs = this.#nowMs + byMs;
    await settle();
    for (let next = this.#next(untilMs); next; next = this.#next(untilMs)) {
      this.#tasks.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.run();
      await settle();
    }
    this.#nowMs = untilMs;
  }

  #next(untilMs: number): Task | undefined {
    return [...this.#tasks]
      .filter((task) => task.atMs <= untilMs)
      .sort((a, b) => a.atMs - b.atMs || a.order - b.order)[0];
  }
}

/** Lets pending promises settle. No simulated time passes. */
const settle = async (): Promise<void> => {
  await new Promise((resolve) => setImmediate(resolve));
};
