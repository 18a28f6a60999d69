import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

// Blocking file operations that survive a power cut. Only the worker thread uses them.

const syncFolder = (folder: string): void => {
  const handle = openSync(folder, 'r');
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
    syncFolder(parent);
    if (parent === dirname(parent)) return;
  }
};

/** Writes a file and syncs it to disk. A power cut during the write leaves at most a `.tmp` file. */
export const writeDurably = (path: string, bytes: Uint8Array): void => {
  const temporary = `${path}.tmp`;
  try {
    writeFileSync(temporary, bytes, { flush: true, mode: 0o600 });
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  syncFolder(dirname(path));
};
