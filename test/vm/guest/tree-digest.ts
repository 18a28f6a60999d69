import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** Returns a text that is the same for two folders with the same names, kinds, permissions, links and contents. */
export const digestOf = (folder: string): string => {
  const hash = createHash('sha256');
  const firstNames = new Map<number, string>();
  const add = (path: string): void => {
    for (const name of readdirSync(join(folder, path)).sort()) {
      const inner = join(path, name);
      const info = lstatSync(join(folder, inner));
      const first = firstNames.get(info.ino) ?? inner;
      firstNames.set(info.ino, first);
      hash.update(JSON.stringify([inner, first, info.mode, info.size]));
      if (info.isDirectory()) add(inner);
      else if (info.isSymbolicLink()) hash.update(readlinkSync(join(folder, inner)));
      else if (first === inner) hash.update(readFileSync(join(folder, inner)));
    }
  };
  add('.');
  return hash.digest('hex');
};
