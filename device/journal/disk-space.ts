import { statfsSync } from 'node:fs';
import { messageOf } from '../kit/errors.js';

/** With less free space, SQLite cannot create its files. */
const FULL_BYTES = 64 * 1024;

/** Returns the free bytes on the disk of a path, for this user. Unknown: infinity. */
export const freeBytes = (path: string): number => {
  try {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
};

/** Returns the size of the disk of a path. Unknown: infinity. */
export const diskBytes = (path: string): number => {
  try {
    const { blocks, bsize } = statfsSync(path);
    return blocks * bsize;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
};

/** Returns whether an error of the file system or of SQLite means that the disk of `folder` is full. */
export const isDiskFull = (thrown: unknown, folder: string): boolean => {
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  if (code === 'ENOSPC' || code === 'EDQUOT') return true;
  const message = messageOf(thrown);
  // Without room for its other files, SQLite reports a general error.
  return (
    /is full/.test(message) ||
    (/disk I\/O error|unable to open/.test(message) && freeBytes(folder) < FULL_BYTES)
  );
};
