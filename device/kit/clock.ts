/** The only source of time in the daemon. Parts receive it as an argument, so tests can control time. */
export interface Clock {
  /** Returns monotonic milliseconds (CLOCK_MONOTONIC, with fractions), for durations and deadlines. */
  monotonicMs(): number;
  /** Returns milliseconds since 1970-01-01 UTC, for records only. */
  wallMs(): number;
  /** Returns whether a time source has set the wall clock since the machine started. */
  synchronised(): boolean;
  /** Runs `task` once, after at least `delayMs`. The returned function cancels it. */
  after(delayMs: number, task: () => void): () => void;
}

/** Node runs a timer with a longer delay at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

export class SystemClock implements Clock {
  /** Without `timeSync`, the clock counts as not synchronised. Only the daemon records that. */
  constructor(private readonly timeSync: Pick<Clock, 'synchronised'> | null = null) {}

  monotonicMs(): number {
    return Number(process.hrtime.bigint()) / 1e6;
  }

  wallMs(): number {
    return Date.now();
  }

  synchronised(): boolean {
    return this.timeSync?.synchronised() ?? false;
  }

  after(delayMs: number, task: () => void): () => void {
    const timer = setTimeout(task, Math.min(Math.max(0, delayMs), MAX_DELAY_MS));
    return () => clearTimeout(timer);
  }
}
