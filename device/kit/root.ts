import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Returns the folder with the project's package.json. The compiled code may lie at any depth below it. */
export const packageRoot = (): string => {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error(`no package.json above ${fileURLToPath(import.meta.url)}`);
    folder = parent;
  }
  return folder;
};

/** Returns the version in the project's package.json. */
export const packageVersion = (): string =>
  JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')).version;

/**
 * A time before this program was built, in milliseconds since 1970. A clock that is earlier is wrong. Move it forward with
 * a release. No time of a file: a package may set any, and a time in the future would stop updates.
 */
export const BUILT_AT_MS = Date.UTC(2026, 10, 30);
