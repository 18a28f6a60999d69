import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import type { Clock } from './clock.js';
import { messageOf } from './errors.js';

const WATCH_MS = 50;

/**
 * Gives a child process a low priority, and makes it the first one that the kernel ends if memory is short. Call it just
 * after the fork: later threads inherit both. Returns what was refused, for example by a sandbox: the process works
 * without it.
 */
export const runInBackground = (pid: number, nice: number): string[] =>
  [() => setPriority(pid, nice), () => writeFileSync(`/proc/${pid}/oom_score_adj`, '1000')].flatMap(
    (apply) => {
      try {
        apply();
        return [];
      } catch (thrown) {
        return existsSync(`/proc/${pid}`) ? [messageOf(thrown)] : [];
      }
    },
  );

/**
 * Calls `onExceeded` once if the resident memory of a process exceeds `maxBytes`. Node cannot set RLIMIT_AS for a child,
 * and the JavaScript engine reserves far more addresses than it uses. Returns a function that ends the watch.
 */
export const watchMemory = (
  clock: Clock,
  pid: number,
  maxBytes: number,
  onExceeded: (bytes: number) => void,
): (() => void) => {
  let cancel = () => {};
  const check = () => {
    const bytes = residentBytes(pid);
    if (bytes > maxBytes) onExceeded(bytes);
    else cancel = clock.after(WATCH_MS, check);
  };
  check();
  return () => cancel();
};

/** Returns 0 if the process has ended. */
const residentBytes = (pid: number): number => {
  try {
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
};
