import { open, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { type Document, isAlias, isMap, isNode, isScalar, parseDocument } from 'yaml';
import type { Config } from '../../config/schema.js';
import { messageOf } from '../../kit/errors.js';
import { CalibrateError, type Change, type Key, keyOf, longest, type Screen } from './calibrate.js';

export interface FinishOptions {
  readonly changes: readonly Change[];
  readonly file: string;
  readonly keys: AsyncIterator<Key>;
  readonly screen: Screen;
  /** @throws CalibrateError where it cannot be written */
  readonly save: () => Promise<void>;
}

/** Shows what changed, asks, and writes it; where it does not, it shows what to write. @throws CalibrateError where it cannot be written */
export const finish = async ({ changes, file, keys, screen, save }: FinishOptions): Promise<void> => {
  if (changes.length === 0) return screen.say('No value was changed.');
  for (const line of changeLines(changes)) screen.say(line);
  const show = (why: string) => {
    screen.say(`${why} To have them, write:`);
    for (const line of fragmentOf(changes).trimEnd().split('\n')) screen.say(line);
  };
  screen.say(`Write this into ${file}, and keep the file that was as ${file}.bak? y/n`);
  if (!(await yes(keys))) return show('Nothing was written.');
  try {
    await save();
  } catch (thrown) {
    show('It could not be written.');
    throw thrown;
  }
  screen.say(`${file} written`);
};

/** Other keys are no answer: one that was held down may still be coming. */
const yes = async (keys: AsyncIterator<Key>): Promise<boolean> => {
  for (let next = await keys.next(); !next.done; next = await keys.next()) {
    if (next.value === 'y') return true;
    if (next.value === 'n' || next.value === 'ctrl-c') return false;
  }
  return false;
};

/** `put` stands in the text from `from` to before `end` afterwards. */
interface Splice {
  readonly from: number;
  readonly end: number;
  readonly put: string;
}

/**
 * The text of a configuration with other values, the rest of it as it is to the letter: a value that is there is
 * replaced in its place; one that was left out is put at the beginning of its mapping. Pure.
 * @throws Error where there is no mapping to put a value into
 */
export const edited = (text: string, changes: readonly Change[]): string => {
  const document = parse(text);
  return (
    changes
      .map((change) => replacing(document, change) ?? adding(document, text, change))
      // From the end on, so that the places before stay where they are.
      .sort((a, b) => b.from - a.from)
      .reduce((before, { from, end, put }) => before.slice(0, from) + put + before.slice(end), text)
  );
};

/** What to put into a configuration that has none of it. */
export const fragmentOf = (changes: readonly Change[]): string => {
  const document = parse('');
  for (const { path, to } of changes) document.setIn(path, to);
  return document.toString();
};

const parse = (text: string) => parseDocument(text, { version: '1.2', schema: 'core', stringKeys: true });

/** null: it is not there. */
const replacing = (document: Document, { path, to }: Change): Splice | null => {
  const node = document.getIn(path, true);
  if (!(isScalar(node) || isAlias(node)) || !node.range) return null;
  const [from, end] = node.range;
  return { from, end, put: `${to}` };
};

const adding = (document: Document, text: string, { path, to }: Change): Splice => {
  const [name = '', holder = '', ...above] = path.toReversed();
  const outer = document.getIn(above.toReversed(), true);
  const pair = isMap(outer) && outer.items.find(({ key }) => isScalar(key) && key.value === holder);
  const map = pair ? pair.value : null;
  if (!pair || !isNode(pair.key) || !pair.key.range || !isMap(map) || !map.range)
    throw new Error(`there is no place for ${keyOf(path)}`);
  const first = map.items[0]?.key;
  const firstAt = isNode(first) && first.range ? first.range[0] : null;
  if (map.flow) {
    if (firstAt !== null) return { from: firstAt, end: firstAt, put: `${name}: ${to}, ` };
    return { from: map.range[0], end: map.range[1], put: `{ ${name}: ${to} }` };
  }
  // A line of its own below that of the mapping's key, as far in as its other keys.
  const lineEnd = text.indexOf('\n', pair.key.range[1]);
  const at = firstAt ?? map.range[0];
  const indent = text.slice(text.lastIndexOf('\n', at - 1) + 1, at);
  const newline = text[lineEnd - 1] === '\r' ? '\r\n' : '\n';
  return { from: lineEnd + 1, end: lineEnd + 1, put: `${indent}${name}: ${to}${newline}` };
};

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

/** `gate.homePulseUs  1500 -> 1480` */
export const changeLines = (changes: readonly Change[]): string[] => {
  const width = longest(changes.map(({ path }) => keyOf(path)));
  return changes.map(({ path, from, to }) => `  ${keyOf(path).padEnd(width)}  ${from} -> ${to}`);
};
