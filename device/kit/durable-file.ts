import {
  closeSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';

// File operations that survive a power cut. They block: use them in a worker thread, in a command or during a start.

/** Writes the content of a file, or the names in a folder, to the disk. */
export const syncPath = (path: string): void => {
  const handle = openSync(path, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
};

/** Creates a folder and its parents. A folder is durable once its parent is synced. */
export const makeFolder = (folder: string, mode = 0o755): void => {
  const first = mkdirSync(folder, { recursive: true, mode });
  if (first === undefined) return;
  const top = dirname(resolve(first));
  for (let parent = dirname(resolve(folder)); parent.length >= top.length; parent = dirname(parent)) {
    syncPath(parent);
    if (parent === dirname(parent)) return;
  }
};

export interface FileAttributes {
  /** Permissions. The umask does not change them. Default: 0o600. */
  readonly mode?: number;
  /** Default: the user of this process. Only root may set another one. */
  readonly owner?: { readonly uid: number; readonly gid: number };
  /** The file in the same folder that is written first. Default: `path` with `.tmp`. */
  readonly temporary?: string;
}

/** The content of a file. The chunks of a large one are written one by one. */
export type FileContent = string | Uint8Array | { readonly chunks: () => Iterable<Uint8Array> };

/** Writes a file. A power cut leaves the old file or the new one, and at most a temporary file beside it. */
export const writeDurably = (
  path: string,
  content: FileContent,
  { mode = 0o600, owner, temporary = `${path}.tmp` }: FileAttributes = {},
): void => {
  try {
    // A new file: an earlier one may be a symbolic link of another user.
    rmSync(temporary, { force: true });
    const handle = openSync(temporary, 'wx', 0o600);
    try {
      if (typeof content === 'string' || content instanceof Uint8Array) writeFileSync(handle, content);
      else for (const chunk of content.chunks()) writeFileSync(handle, chunk);
      const { uid, gid } = fstatSync(handle);
      if (owner && (owner.uid !== uid || owner.gid !== gid)) fchownSync(handle, owner.uid, owner.gid);
      fchmodSync(handle, mode);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    renameSync(temporary, path);
  } catch (thrown) {
    rmSync(temporary, { force: true });
    throw thrown;
  }
  syncPath(dirname(path));
};
