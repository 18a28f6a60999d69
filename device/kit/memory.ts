import { readFileSync } from 'node:fs';

/** Returns the memory that is available without swapping, in bytes. `meminfo`: the text of /proc/meminfo. */
export const availableBytes = (meminfo = readFileSync('/proc/meminfo', 'utf8')): number =>
  Number(/^MemAvailable:\s+(\d+) kB/m.exec(meminfo)?.[1] ?? 0) * 1024;
