import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileSystem } from '../../kit/file-system.js';

/** Returns all files below a folder, and all folders, each after the folders in it, itself last. */
export const pathsIn = async (folder: string): Promise<{ files: string[]; folders: string[] }> => {
  const files: string[] = [];
  const folders: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (!entry.isDirectory()) files.push(path);
    else {
      const inner = await pathsIn(path);
      files.push(...inner.files);
      folders.push(...inner.folders);
    }
  }
  return { files, folders: [...folders, folder] };
};

/** Removes a folder with all that is in it, or a file, or nothing. */
export const removeTree = async (system: FileSystem, path: string): Promise<void> => {
  const info = await lstat(path).catch(() => null);
  if (!info) return;
  if (!info.isDirectory()) return system.remove(path);
  const { files, folders } = await pathsIn(path);
  for (const file of files) await system.remove(file);
  for (const folder of folders) await system.removeFolder(folder);
};
