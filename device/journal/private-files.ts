import { chmodSync, closeSync, existsSync, lstatSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** `journal.db` with its WAL, its copies and its lock. */
const FILES = /^journal\.(db|lock)/;

/**
 * Makes the files of the journal and the folder of the frames private for the user of the bin. SQLite creates its further
 * files with the mode of the database, so that the database is created here.
 */
export const makePrivate = (dataDir: string): void => {
  const database = join(dataDir, 'journal.db');
  if (!existsSync(database)) closeSync(openSync(database, 'a', 0o600));
  for (const name of readdirSync(dataDir)) {
    if (FILES.test(name)) tighten(join(dataDir, name), 0o600);
    else if (name === 'frames') tighten(join(dataDir, name), 0o700);
  }
};

/** Removes all other permissions. A link, or a file of another user, stays as it is. */
const tighten = (path: string, mode: number): void => {
  try {
    const info = lstatSync(path);
    const present = info.mode & 0o777;
    if (!info.isSymbolicLink() && (present & ~mode) !== 0) chmodSync(path, present & mode);
  } catch {
    // The bin can use the file as it is.
  }
};
