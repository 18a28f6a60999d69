import { existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { type FileContent, makeFolder, syncPath, writeDurably } from '../../../kit/durable-file.js';
import { ReleaseError } from '../release.js';
import { type Content, digestOf } from './content.js';

/** What the release tool writes. Each call is durable when it returns. A test replaces it by a disk that fails. */
export interface Disk {
  makeFolder(path: string, mode?: number): void;
  /** Writes the whole file, or leaves the old one. Default of `mode`: everyone may read it, such as a web server. */
  write(path: string, content: FileContent, mode?: number): void;
  rename(from: string, to: string): void;
  remove(path: string): void;
}

/** Web servers and the documented rsync leave hidden files out. No file of a bundle is hidden. */
const temporaryPath = (path: string): string => join(dirname(path), `.${basename(path)}.tmp`);

export const systemDisk: Disk = {
  makeFolder,
  write: (path, content, mode = 0o644) =>
    writeDurably(path, content, { mode, temporary: temporaryPath(path) }),
  rename: (from, to) => {
    renameSync(from, to);
    syncPath(dirname(to));
  },
  remove: (path) => {
    if (!existsSync(path)) return;
    rmSync(path, { recursive: true });
    syncPath(dirname(path));
  },
};

/**
 * Writes a file that never changes. A file with the same content may exist, for example after an interrupted run.
 * @throws ReleaseError `release-exists`
 */
export const writeOnce = (disk: Disk, path: string, { data, sha256 }: Content): void => {
  if (existsSync(path)) {
    if (digestOf(path).sha256 === sha256) return;
    throw new ReleaseError(
      'release-exists',
      `${path}: exists already with other content, and a published file never changes. Restore it from a backup.`,
    );
  }
  disk.makeFolder(dirname(path));
  disk.write(path, data);
};

/**
 * Runs `work` while no other command of this machine changes the repository. The kernel removes the lock, an abstract
 * socket, when the process ends for any reason.
 * @throws ReleaseError `release-busy`
 */
export const withLock = async <T>(folder: string, work: () => T): Promise<T> => {
  const { dev, ino } = statSync(folder);
  const lock = createServer();
  await new Promise<void>((resolve, reject) => {
    lock.once('error', ({ code }: NodeJS.ErrnoException) => {
      const reason = code === 'EADDRINUSE' ? 'another command changes it now' : `cannot be locked (${code})`;
      reject(new ReleaseError('release-busy', `${folder}: ${reason}. Run this command again later.`));
    });
    lock.listen(`\0sortbin-release-${dev}-${ino}`, resolve);
  });
  try {
    return work();
  } finally {
    lock.close();
  }
};
