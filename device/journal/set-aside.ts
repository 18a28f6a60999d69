import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../kit/clock.js';
import { makeFolder, syncPath } from '../kit/durable-file.js';
import { messageOf } from '../kit/errors.js';
import { isDamage, unreadable } from './database.js';
import { UNRECORDED_FILE } from './unrecorded-count.js';

/** A damaged journal that was replaced. */
export interface SetAside {
  /** Folder with the damaged database and its frames. */
  readonly folder: string;
  /** The damage; undefined: an earlier run found it and was interrupted. */
  readonly problem?: string;
}

/** The database comes first: without it, the next start cannot use the rest with an older state. */
const PARTS = ['journal.db', 'journal.db-wal', 'journal.db-shm', 'frames', UNRECORDED_FILE];

const FOLDER = /^damaged-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ(-\d+)?$/;
/** The folder has this suffix until all parts are in it. */
const INCOMPLETE = '.incomplete';
const MAX_FOLDERS = 3;

/**
 * Calls `open`. If the journal is damaged, moves its database and its frames into a new folder `damaged-<UTC time>`, and
 * calls `open` again. An interrupted move is completed first. At most three such folders exist.
 * @throws what `open` throws, or the error of the file system
 */
export const openOrSetAside = <T>(
  dataDir: string,
  clock: Pick<Clock, 'wallMs'>,
  open: (setAside: SetAside | null) => T,
): T => {
  const name = findIncomplete(dataDir);
  const completed = name === undefined ? null : { folder: moveInto(dataDir, name) };
  try {
    return open(completed);
  } catch (error) {
    if (!isDamage(error)) throw error;
    deleteOldest(dataDir);
    return open({
      folder: moveInto(dataDir, freeName(dataDir, 'damaged', clock.wallMs())),
      problem: messageOf(error),
    });
  }
};

const findIncomplete = (dataDir: string): string | undefined =>
  readdirSync(dataDir)
    .filter((name) => name.endsWith(INCOMPLETE))
    .map((name) => name.slice(0, -INCOMPLETE.length))
    .find((name) => FOLDER.test(name));

const deleteOldest = (dataDir: string): void => {
  const folders = readdirSync(dataDir)
    .filter((name) => FOLDER.test(name))
    .sort();
  for (const oldest of folders.slice(0, Math.max(0, folders.length - MAX_FOLDERS + 1))) {
    rmSync(join(dataDir, oldest), { recursive: true });
  }
};

/** Returns `<prefix>-<UTC time>`, with a number if this name exists already. */
export const freeName = (dataDir: string, prefix: string, wallMs: number): string => {
  const name = `${prefix}-${new Date(wallMs).toISOString().slice(0, 19).replaceAll(':', '-')}Z`;
  // A machine without a time source may show the same time again.
  for (let count = 1; ; count += 1) {
    const free = count === 1 ? name : `${name}-${count}`;
    if (!existsSync(join(dataDir, free))) return free;
  }
};

/**
 * Moves all parts that are still there. A power cut at any moment leaves a folder that the next start completes. SQLite
 * may have the damaged files open for a while. It leaves them alone when it finds that they were moved.
 * @throws JournalError `journal-unreadable`
 */
const moveInto = (dataDir: string, name: string): string => {
  const folder = join(dataDir, name);
  const incomplete = `${folder}${INCOMPLETE}`;
  try {
    makeFolder(incomplete, 0o700);
    for (const part of PARTS) {
      if (existsSync(join(dataDir, part))) renameSync(join(dataDir, part), join(incomplete, part));
    }
    syncPath(incomplete);
    renameSync(incomplete, folder);
    syncPath(dataDir);
    return folder;
  } catch (error) {
    const problem = `it is damaged, and cannot be moved to ${folder} (${messageOf(error)})`;
    throw unreadable(join(dataDir, 'journal.db'), problem, 'damaged', error);
  }
};
