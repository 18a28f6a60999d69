import { existsSync } from 'node:fs';

/** Time, injected: nothing else in the daemon reads a clock or starts a timer. */
export interface Clock {
  /** Monotonic milliseconds (CLOCK_MONOTONIC, with fractions): for durations and deadlines. */
  monotonicMs(): number;
  /** Milliseconds since 1970-01-01 UTC: for records only. */
  wallMs(): number;
  /** Whether a time source has set the wall clock since the machine started. */
  synchronised(): boolean;
  /** Runs `task` once, after at least `delayMs`; the returned function cancels it. */
  after(delayMs: number, task: () => void): () => void;
}

/** systemd-timesyncd's own mark; chrony and ntpd are run under systemd-time-wait-sync, which sets it too. */
const SYNCHRONISED_MARK = '/run/systemd/timesync/synchronized';

/** Node runs a longer timer at once. */
const LONGEST_MS = 2 ** 31 - 1;

export class SystemClock implements Clock {
  monotonicMs(): number {
    return Number(process.hrtime.bigint()) / 1e6;
  }

  wallMs(): number {
    return Date.now();
  }

  synchronised(): boolean {
    return existsSync(SYNCHRONISED_MARK);
  }

  after(delayMs: number, task: () => void): () => void {
    const timer = setTimeout(task, Math.min(Math.max(0, delayMs), LONGEST_MS));
    return () => clearTimeout(timer);
  }
}
