import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** Blocking file work that survives a power cut: for the worker thread only. */

const syncFolder = (folder: string): void => {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
};

/** Makes a folder and those above it; a folder is durable once the one that holds its name is. */
export const makeFolder = (folder: string, mode = 0o755): void => {
  const first = mkdirSync(folder, { recursive: true, mode });
  if (first === undefined) return;
  const top = dirname(resolve(first));
  for (let holder = dirname(resolve(folder)); holder.length >= top.length; holder = dirname(holder)) {
    syncFolder(holder);
    if (holder === dirname(holder)) return;
  }
};

/** Afterwards the whole file is there; after a power cut in between, at most a `.tmp` is. */
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
