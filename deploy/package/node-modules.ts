import { execFile } from 'node:child_process';
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../../device/kit/root.js';
import { type LockedPackage, type LockFile, packagesFor } from './lock-file.js';
import type { Platform } from './platforms.js';
import { isShipped } from './shipped-files.js';

const DEADLINE_MS = 600_000;

/** An owner adds tfjs-node: it downloads a library of 400 MB when it is installed. */
export const LEFT_OUT = ['@tensorflow/tfjs-node'];

/** npm packages that are installed, and the ones of them that a bin needs. */
export interface NodeModules {
  /** The folder node_modules. */
  readonly folder: string;
  readonly packages: readonly LockedPackage[];
}

/** Installs the production packages of a platform into `folder`. No script of a package runs. */
export const installPackages = async (platform: Platform, folder: string): Promise<NodeModules> => {
  await mkdir(folder, { recursive: true });
  for (const name of ['package.json', 'package-lock.json'])
    await copyFile(join(packageRoot(), name), join(folder, name));
  const target = ['--os=linux', `--cpu=${platform.cpu}`, '--libc=glibc'];
  await promisify(execFile)(
    'npm',
    ['ci', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', ...target],
    { cwd: folder, timeout: DEADLINE_MS },
  );
  const lock = JSON.parse(await readFile(join(folder, 'package-lock.json'), 'utf8')) as LockFile;
  return { folder: join(folder, 'node_modules'), packages: packagesFor(lock, platform.cpu, LEFT_OUT) };
};

/** Copies the files that a bin needs into `target`, a folder node_modules. */
export const copyModules = async (
  { folder, packages }: NodeModules,
  platform: Platform,
  target: string,
): Promise<void> => {
  for (const { path, name } of packages)
    for (const file of await filesOf(join(folder, path), '')) {
      if (!isShipped(name, file, platform.name)) continue;
      const to = join(target, path, file);
      await mkdir(dirname(to), { recursive: true });
      if (file === 'package.json') await writeFile(to, await shortManifest(join(folder, path, file)));
      else await copyFile(join(folder, path, file), to);
    }
};

/** Returns the files of a package, without the packages in its node_modules. */
const filesOf = async (folder: string, below: string): Promise<string[]> => {
  const files: string[] = [];
  for (const entry of await readdir(join(folder, below), { withFileTypes: true })) {
    const path = join(below, entry.name);
    if (!entry.isDirectory()) files.push(path);
    else if (path !== 'node_modules') files.push(...(await filesOf(folder, path)));
  }
  return files;
};

/** Returns a package.json without what only developers and npm need. */
const shortManifest = async (path: string): Promise<string> => {
  const { devDependencies, scripts, ...rest } = JSON.parse(await readFile(path, 'utf8'));
  return `${JSON.stringify(rest, null, 2)}\n`;
};
