import { open, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../../config/schema.js';
import { messageOf } from '../../kit/errors.js';
import { CalibrateError, type Change, keyOf } from './calibrate.js';
import { edited } from './edit.js';

export interface SaveOptions {
  readonly file: string;
  readonly changes: readonly Change[];
  /** Reads and checks the text of a configuration. @throws Error with what is wrong */
  readonly parse: (text: string) => Config;
}

/**
 * Writes the changes into the file, and keeps the file that was as `FILE.bak`. After a power cut the old file or the
 * new one is there. @throws CalibrateError where that cannot be; the file is as it was
 */
export const save = async (options: SaveOptions): Promise<void> => {
  try {
    // A link stays one.
    const file = await realpath(options.file);
    const before = await readFile(file, 'utf8');
    const after = edited(before, options.changes);
    check(before, after, options);
    const { mode, uid, gid } = await stat(file);
    await write(`${file}.bak`, before, { mode, uid, gid });
    await write(file, after, { mode, uid, gid });
  } catch (cause) {
    const why = `${options.file} stays as it is: ${messageOf(cause)}`;
    throw new CalibrateError('calibrate-file', why, { cause });
  }
};

/** The new text must say what the old one said, with these values and no other. */
const check = (before: string, after: string, { changes, parse }: SaveOptions): void => {
  const wanted: unknown = structuredClone(parse(before));
  for (const { path, from, to } of changes) {
    if (replace(wanted, path, to) !== from)
      throw new Error(`${keyOf(path)} is no longer ${from}: the file was changed meanwhile`);
  }
  if (!isDeepStrictEqual(parse(after), wanted))
    throw new Error('the values cannot be put in without changing others (anchors?); do it by hand');
};

/** Puts a value in the place of another, which it answers. */
const replace = (config: unknown, path: readonly string[], value: number): unknown => {
  const [last = '', ...above] = path.toReversed();
  const holder = Object(above.reduceRight<unknown>((part, key) => Reflect.get(Object(part), key), config));
  const before: unknown = Reflect.get(holder, last);
  Reflect.set(holder, last, value);
  return before;
};

interface Owner {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

const write = async (path: string, text: string, { mode, uid, gid }: Owner): Promise<void> => {
  const temporary = `${path}.tmp`;
  try {
    const file = await open(temporary, 'w', 0o600);
    try {
      await file.writeFile(text);
      // Another owner may be given by root alone, who needs it most: the bin must be able to read its file.
      const own = await file.stat();
      if (own.uid !== uid || own.gid !== gid) await file.chown(uid, gid);
      await file.chmod(mode & 0o777);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (thrown) {
    await rm(temporary, { force: true });
    throw thrown;
  }
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
};
