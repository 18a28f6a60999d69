import { statfsSync } from 'node:fs';
import { messageOf } from '../kit/errors.js';

/** With less free space, SQLite cannot create its files. */
const FULL_BYTES = 64 * 1024;
/** Frames leave this much free for events, but at most an eighth of a small disk. */
const MAX_RESERVE_BYTES = 8 * 1024 * 1024;

/** Returns how many bytes frames may use on the disk of a path, for this user. Unknown: infinity. */
export const bytesForFrames = (path: string): number => {
  const { freeBytes, totalBytes } = spaceOf(path);
  return freeBytes - Math.min(MAX_RESERVE_BYTES, totalBytes / 8);
};

/** Returns whether an error of the file system or of SQLite means that the disk of `folder` is full. */
export const isDiskFull = (thrown: unknown, folder: string): boolean => {
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  if (code === 'ENOSPC' || code === 'EDQUOT') return true;
  const message = messageOf(thrown);
  if (/is full/.test(message)) return true;
  // If there is no room for its other files, SQLite reports a general error.
  return /disk I\/O error|unable to open/.test(message) && spaceOf(folder).freeBytes < FULL_BYTES;
};

const spaceOf = (path: string): { freeBytes: number; totalBytes: number } => {
  try {
    const { bavail, blocks, bsize } = statfsSync(path);
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  } catch {
    return { freeBytes: Number.POSITIVE_INFINITY, totalBytes: Number.POSITIVE_INFINITY };
  }
};
