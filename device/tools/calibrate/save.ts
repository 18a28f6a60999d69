import { readFile, realpath, stat } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { type Document, isAlias, isMap, isNode, isScalar, parseDocument } from 'yaml';
import type { Config } from '../../config/schema.js';
import { writeDurably } from '../../kit/durable-file.js';
import { messageOf } from '../../kit/errors.js';
import { CalibrateError, type Change, type Key, keyOf, maxLength, type Screen } from './calibrate.js';

export interface ConfirmOptions {
  readonly changes: readonly Change[];
  readonly file: string;
  readonly keys: AsyncIterator<Key>;
  readonly screen: Screen;
  /** @throws CalibrateError if the file cannot be written */
  readonly save: () => Promise<void>;
}

/**
 * Shows the changes and saves them after a yes. Otherwise shows the YAML to write by hand.
 * @throws CalibrateError if the file cannot be written
 */
export const confirmAndSave = async ({
  changes,
  file,
  keys,
  screen,
  save,
}: ConfirmOptions): Promise<void> => {
  if (changes.length === 0) return screen.print('No value was changed.');
  for (const line of changeLines(changes)) screen.print(line);
  const showYaml = (reason: string) => {
    screen.print(`${reason} To use the values, write:`);
    for (const line of changesAsYaml(changes).trimEnd().split('\n')) screen.print(line);
  };
  screen.print(`Write these values to ${file}, and keep the old file as ${file}.bak? y/n`);
  if (!(await isConfirmed(keys))) return showYaml('Nothing was written.');
  try {
    await save();
  } catch (thrown) {
    showYaml('The file could not be written.');
    throw thrown;
  }
  screen.print(`${file} written`);
};

/** Ignores keys other than y, n and Ctrl-C: repeats of a key that was held may still arrive. */
const isConfirmed = async (keys: AsyncIterator<Key>): Promise<boolean> => {
  for (let next = await keys.next(); !next.done; next = await keys.next()) {
    if (next.value === 'y') return true;
    if (next.value === 'n' || next.value === 'ctrl-c') return false;
  }
  return false;
};

/** `gate.homePulseUs  1500 -> 1480` */
const changeLines = (changes: readonly Change[]): string[] => {
  const width = maxLength(changes.map(({ path }) => keyOf(path)));
  return changes.map(({ path, from, to }) => `  ${keyOf(path).padEnd(width)}  ${from} -> ${to}`);
};

export interface SaveOptions {
  readonly file: string;
  readonly changes: readonly Change[];
  /** Parses the text of a configuration. @throws Error if it is invalid */
  readonly parse: (text: string) => Config;
}

/**
 * Writes the changes to the file and keeps the old file as `FILE.bak`. After a power cut, either the old file or the new
 * file exists.
 * @throws CalibrateError if the file cannot be changed. It is unchanged then.
 */
export const saveChanges = async (options: SaveOptions): Promise<void> => {
  try {
    // Resolves a symbolic link, so that the link stays.
    const file = await realpath(options.file);
    const before = await readFile(file, 'utf8');
    const after = editYaml(before, options.changes);
    checkResult(before, after, options);
    const { mode, uid, gid } = await stat(file);
    // If root runs this, the user of the daemon must still be able to read the file.
    const attributes = { mode: mode & 0o777, owner: { uid, gid } };
    writeDurably(`${file}.bak`, before, attributes);
    writeDurably(file, after, attributes);
  } catch (cause) {
    throw new CalibrateError('calibrate-file', `${options.file}: not changed. ${messageOf(cause)}`, {
      cause,
    });
  }
};

/** Checks that the new text differs from the old text in the changed values only. */
const checkResult = (before: string, after: string, { changes, parse }: SaveOptions): void => {
  const expected: unknown = structuredClone(parse(before));
  for (const { path, from, to } of changes) {
    if (replaceValue(expected, path, to) !== from)
      throw new Error(
        `${keyOf(path)}: the value is no longer ${from}, because the file was changed meanwhile. Calibrate again.`,
      );
  }
  if (!isDeepStrictEqual(parse(after), expected))
    throw new Error(
      'The edit would change other values too, perhaps through an anchor. Edit the file by hand.',
    );
};

/** Replaces a value in the configuration and returns the old value. */
const replaceValue = (config: unknown, path: readonly string[], value: number): unknown => {
  const [last = '', ...parents] = path.toReversed();
  const holder = Object(parents.reduceRight<unknown>((part, key) => Reflect.get(Object(part), key), config));
  const before: unknown = Reflect.get(holder, last);
  Reflect.set(holder, last, value);
  return before;
};

/** Replaces the text from `start` to before `end`. */
interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/**
 * Changes values in the text of a configuration and keeps the rest, including comments and spaces. A present value is
 * replaced in place. A missing value is inserted at the beginning of its mapping.
 * @throws Error if the mapping of a missing value does not exist
 */
export const editYaml = (text: string, changes: readonly Change[]): string => {
  const document = parseYaml(text);
  return (
    changes
      .map((change) => replacement(document, change) ?? insertion(document, text, change))
      // Applies the edits from the end, so that earlier positions stay valid.
      .sort((a, b) => b.start - a.start)
      .reduce((before, edit) => before.slice(0, edit.start) + edit.text + before.slice(edit.end), text)
  );
};

/** Returns a configuration text with only these values. */
export const changesAsYaml = (changes: readonly Change[]): string => {
  const document = parseYaml('');
  for (const { path, to } of changes) document.setIn(path, to);
  return document.toString();
};

const parseYaml = (text: string) => parseDocument(text, { version: '1.2', schema: 'core', stringKeys: true });

/** null: the value is missing. */
const replacement = (document: Document, { path, to }: Change): Edit | null => {
  const node = document.getIn(path, true);
  if (!(isScalar(node) || isAlias(node)) || !node.range) return null;
  const [start, end] = node.range;
  return { start, end, text: `${to}` };
};

const insertion = (document: Document, text: string, { path, to }: Change): Edit => {
  const [name = '', holder = '', ...parents] = path.toReversed();
  const outer = document.getIn(parents.toReversed(), true);
  const pair = isMap(outer) && outer.items.find(({ key }) => isScalar(key) && key.value === holder);
  const map = pair ? pair.value : null;
  if (!pair || !isNode(pair.key) || !pair.key.range || !isMap(map) || !map.range)
    throw new Error(
      `${keyOf(path)}: the file has no mapping to insert this key into. Edit the file by hand.`,
    );
  const first = map.items[0]?.key;
  const firstStart = isNode(first) && first.range ? first.range[0] : null;
  if (map.flow) {
    if (firstStart !== null) return { start: firstStart, end: firstStart, text: `${name}: ${to}, ` };
    return { start: map.range[0], end: map.range[1], text: `{ ${name}: ${to} }` };
  }
  // Inserts a line below the key of the mapping, with the indentation of its other keys.
  const lineEnd = text.indexOf('\n', pair.key.range[1]);
  const sibling = firstStart ?? map.range[0];
  const indent = text.slice(text.lastIndexOf('\n', sibling - 1) + 1, sibling);
  const newline = text[lineEnd - 1] === '\r' ? '\r\n' : '\n';
  return { start: lineEnd + 1, end: lineEnd + 1, text: `${indent}${name}: ${to}${newline}` };
};
