import { chmod, link, mkdir, open, rename, rm, rmdir, symlink } from 'node:fs/promises';

/**
 * Changes of names on a disk. Each method is one step, and a kill or a power cut happens between two steps. A change is
 * durable when the folder that contains the name is synced. A test replaces this layer to end the process at any step.
 */
export interface FileSystem {
  /** Creates a folder with the permissions 0755. The umask does not change them. */
  makeFolder(folder: string): Promise<void>;
  /** Creates a hard link to a file. */
  link(file: string, path: string): Promise<void>;
  /** Creates a symbolic link with the text `target`. */
  symlink(target: string, path: string): Promise<void>;
  /** Gives a file, a link or a folder another name. It replaces a file or link of that name. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file or a link. It may be absent. */
  remove(path: string): Promise<void>;
  /** Removes an empty folder. */
  removeFolder(folder: string): Promise<void>;
  setMode(path: string, mode: number): Promise<void>;
  /** Writes the content of a file, or the names in a folder, to the disk. */
  sync(path: string): Promise<void>;
}

/** The file system of this machine. Nothing blocks the event loop. */
export const systemFiles: FileSystem = {
  makeFolder: async (folder) => {
    await mkdir(folder);
    await chmod(folder, 0o755);
  },
  link,
  symlink,
  rename,
  remove: (path) => rm(path, { force: true }),
  removeFolder: rmdir,
  setMode: chmod,
  sync: async (path) => {
    const handle = await open(path, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
};
