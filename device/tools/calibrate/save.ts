import { constants } from 'node:fs';
import { access, readFile, realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../../config/schema.js';
import { writeDurably } from '../../kit/durable-file.js';
import { messageOf } from '../../kit/errors.js';
import {
  CalibrateError,
  type Change,
  type ConfigValue,
  type Key,
  keyOf,
  maxLength,
  type Screen,
} from './calibrate.js';
import { changesAsYaml, changeText, editYaml, isDriverChange, parseYaml } from './edit-yaml.js';

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
  const showYaml = (reason: string) => printYaml(changes, reason, screen);
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

/** Shows the YAML to write by hand. `reason`: a sentence. */
export const printYaml = (changes: readonly Change[], reason: string, screen: Screen): void => {
  screen.print(`${reason} To use the values, write:`);
  for (const line of changesAsYaml(changes).trimEnd().split('\n')) screen.print(line);
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
  return changes.map((change) => `  ${keyOf(change.path).padEnd(width)}  ${changeText(change)}`);
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
export const saveChanges = (options: SaveOptions): Promise<void> =>
  withFileError(options, async () => {
    const { file, before, after } = await edit(options);
    const { mode, uid, gid } = await stat(file);
    // If root runs this, the user of the daemon must still be able to read the file.
    const attributes = { mode: modeFor(mode & 0o777, options.parse(after)), owner: { uid, gid } };
    writeDurably(`${file}.bak`, before, attributes);
    writeDurably(file, after, attributes);
  });

/**
 * Checks that `saveChanges` can write the changes, and writes nothing.
 * @throws CalibrateError if the file cannot be changed
 */
export const checkChanges = (options: SaveOptions): Promise<void> =>
  withFileError(options, async () => {
    const { file } = await edit(options);
    await access(dirname(file), constants.W_OK);
  });

const withFileError = async ({ file }: SaveOptions, work: () => Promise<void>): Promise<void> => {
  try {
    await work();
  } catch (cause) {
    throw new CalibrateError('calibrate-file', `${file}: not changed. ${messageOf(cause)}`, { cause });
  }
};

const edit = async (options: SaveOptions) => {
  // Resolves a symbolic link, so that the link stays.
  const file = await realpath(options.file);
  const before = await readFile(file, 'utf8');
  const after = editYaml(before, options.changes);
  checkResult(before, after, options);
  return { file, before, after };
};

/** A file with a password must not be readable by all users. A mode that somebody has chosen for a group stays. */
const modeFor = (mode: number, { mqtt: { password, url } }: Config): number => {
  const hasPassword = password !== null || url?.includes('@');
  return hasPassword && (mode & 0o007) !== 0 ? 0o600 : mode;
};

/**
 * Checks that the new text differs from the old text in the changed values only. A part that is new, or has another
 * driver, keeps nothing of the old text: another driver has other keys.
 */
const checkResult = (before: string, after: string, { changes, parse }: SaveOptions): void => {
  const expected = structuredClone(parse(before));
  const document = parseYaml(before);
  const drivers = changes.filter(({ path }) => isDriverChange(path));
  const isNewPart = ({ path: [part = ''] }: Change) =>
    !document.has(part) || drivers.some(({ path }) => path[0] === part);
  const newParts = changes.filter(isNewPart);
  const parts = new Set(newParts.map(({ path }) => path[0] ?? ''));
  for (const { path, from, to } of [...drivers, ...changes.filter((change) => !isNewPart(change))]) {
    if ((replaceValue(expected, path, to) ?? null) !== from)
      throw new Error(
        `${keyOf(path)}: the value is no longer ${from}, because the file was changed meanwhile. Calibrate again.`,
      );
  }
  for (const part of parts) Reflect.set(expected, part, Reflect.get(parse(changesAsYaml(newParts)), part));
  if (!isDeepStrictEqual(parse(after), expected))
    throw new Error(
      'The edit would change other values too, perhaps through an anchor. Edit the file by hand.',
    );
};

/** Replaces a value in the configuration and returns the old value. */
const replaceValue = (config: unknown, path: readonly string[], value: ConfigValue): unknown => {
  const [last = '', ...parents] = path.toReversed();
  const holder = Object(parents.reduceRight<unknown>((part, key) => Reflect.get(Object(part), key), config));
  const before: unknown = Reflect.get(holder, last);
  Reflect.set(holder, last, value);
  return before;
};
