import { chmod, copyFile, cp, lstat, mkdir, readdir, symlink, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';

/** Writes a file below `root`, and creates its folders. */
export const put = async (root: string, path: string, content: string | Uint8Array): Promise<void> => {
  const to = join(root, path);
  await mkdir(dirname(to), { recursive: true });
  await writeFile(to, content);
};

/** Writes a file in the format of gzip, without a time. */
export const putCompressed = (root: string, path: string, content: string): Promise<void> =>
  put(root, path, gzipSync(content, { level: 9 }));

export const putFile = async (root: string, path: string, from: string): Promise<void> => {
  const to = join(root, path);
  await mkdir(dirname(to), { recursive: true });
  await copyFile(from, to);
};

/** Copies a folder. `filter` receives the path of each file and folder. */
export const putFolder = async (
  root: string,
  path: string,
  from: string,
  filter: (path: string) => boolean = () => true,
): Promise<void> => {
  await mkdir(join(root, path), { recursive: true });
  await cp(from, join(root, path), { recursive: true, filter });
};

export const putLink = async (root: string, path: string, target: string): Promise<void> => {
  const to = join(root, path);
  await mkdir(dirname(to), { recursive: true });
  await symlink(target, to);
};

/** Returns the paths of all files and links below `root`, sorted. */
export const listTree = async (root: string): Promise<string[]> => {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .sort();
};

/** Gives each file and folder the mode and the time that do not depend on the machine of the build. */
export const normalise = async (
  root: string,
  isProgram: (path: string) => boolean,
  epochS: number,
): Promise<void> => {
  const paths = (await readdir(root, { recursive: true })).sort().reverse();
  for (const path of [...paths, '']) {
    const full = join(root, path);
    const stats = await lstat(full);
    if (stats.isSymbolicLink()) continue;
    await chmod(full, stats.isDirectory() || isProgram(path) ? 0o755 : 0o644);
    await utimes(full, epochS, epochS);
  }
};
