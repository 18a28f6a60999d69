import { readFileSync } from 'node:fs';

/** An entry of the log that the kernel module dm-log-writes makes of a disk. */
export interface LogEntry {
  /**
   * - `write`: a power cut before the next flush may lose it
   * - `fua`: a write that was on disk when it was reported as done
   * - `flush`: all writes before it are on disk
   * - `mark`: a name that the test has put here
   */
  readonly kind: 'write' | 'fua' | 'flush' | 'mark';
  /** Name of a mark; empty for the other kinds. */
  readonly name: string;
  /** Where the data is on the disk, in bytes. */
  readonly position: number;
  readonly data: Buffer;
  /** Whether the data belongs to the file system itself, and not to a file. */
  readonly isMetadata: boolean;
}

const MAGIC = 0x6a736677736872n;
const VERSION = 1n;
const ENTRY_BYTES = 32;
const [FLUSH, FUA, DISCARD, MARK, METADATA] = [1n, 2n, 4n, 8n, 16n];
/** The module writes this mark last. Without it, the log was too large for its device. */
const END = 'dm-log-writes-end';

/**
 * Reads the log of a disk. The disk must be removed before, because its log is complete only then. The log has a write when
 * it is on disk: just before its flush. So when a mark was made, the disk had the writes before it, and possibly a part of
 * the writes after it.
 */
export const readWriteLog = (path: string): LogEntry[] => {
  const log = readFileSync(path);
  const number = (at: number): number => Number(log.readBigUInt64LE(at));
  if (log.readBigUInt64LE(0) !== MAGIC || log.readBigUInt64LE(8) !== VERSION)
    throw new Error(`${path}: no log of dm-log-writes, version ${VERSION}`);
  const sectorBytes = log.readUInt32LE(24);
  const entries: LogEntry[] = [];
  let next = sectorBytes;
  for (let left = number(16); left > 0; left -= 1) {
    const start = next + sectorBytes;
    const flags = log.readBigUInt64LE(next + 16);
    const bytes = flags & DISCARD ? 0 : number(next + 8) * sectorBytes;
    const nameAt = next + ENTRY_BYTES;
    const entry = {
      name: log.toString('utf8', nameAt, nameAt + number(next + 24)),
      position: number(next) * sectorBytes,
      data: log.subarray(start, start + bytes),
      isMetadata: (flags & METADATA) !== 0n,
    };
    next = start + bytes;
    if (flags & MARK) entries.push({ ...entry, kind: 'mark' });
    // A flush writes nothing itself, unless it has data.
    if (flags & FLUSH) entries.push({ ...entry, kind: 'flush' });
    if (bytes > 0) entries.push({ ...entry, kind: flags & FUA ? 'fua' : 'write' });
  }
  if (entries.at(-1)?.name !== END) throw new Error(`${path}: the log is not complete. Give it more space.`);
  return entries;
};
