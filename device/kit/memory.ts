import { readFileSync } from 'node:fs';

/** Returns a value of /proc/meminfo, such as `MemTotal`, in bytes; null: its text does not have it. */
export const memoryBytes = (meminfo: string, key: string): number | null => {
  const [, kilobytes] = new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(meminfo) ?? [];
  return kilobytes === undefined ? null : Number(kilobytes) * 1024;
};

/** Returns the memory that is available without swapping, in bytes. `meminfo`: the text of /proc/meminfo. */
export const availableBytes = (meminfo = readFileSync('/proc/meminfo', 'utf8')): number =>
  memoryBytes(meminfo, 'MemAvailable') ?? 0;
