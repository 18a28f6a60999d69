import { isDeepStrictEqual } from 'node:util';
import { type Document, isMap, isNode, isScalar, parseDocument, visit } from 'yaml';
import { isMapping, type Patch } from './setup.js';

/**
 * Applies a merge patch to the text of a configuration. Sections that the patch does not name keep every character. A
 * changed section keeps its comments, except those of removed keys.
 * @throws Error if the file, or a section, is not written as a block of keys
 */
export const patchYaml = (text: string, patch: Patch): string =>
  Object.entries(patch).reduce((before, [section, value]) => patchSection(before, section, value), text);

/** Whether the text has this section, with a key. */
export const hasSection = (text: string, section: string): boolean => {
  const value = parse(text).get(section);
  return value !== undefined && value !== null && !(isMap(value) && value.items.length === 0);
};

/** Mappings whose keys are names. A patch states all their names, so that other names are removed. */
const NAMED = new Set(['gate.compartments', 'policy.compartments', 'trigger.sensors']);

/** Keys that exclude each other: a patch with one of them removes the others. */
const ALTERNATIVES: readonly (readonly string[])[] = [
  ['line', 'chip'],
  ['line', 'offset'],
  ['pulseUs', 'degrees'],
  ['homePulseUs', 'homeDegrees'],
  ['password', 'passwordFile'],
];

const parse = (text: string) => parseDocument(text, { version: '1.2', schema: 'core', stringKeys: true });

const patchSection = (text: string, section: string, value: unknown): string => {
  const root = parse(text).contents;
  if (root !== null && (!isMap(root) || root.flow))
    throw new Error(
      'The file is not a block of keys, one a line. Write it in that form, or edit it by hand.',
    );
  const pair = root?.items.find(({ key }) => isScalar(key) && key.value === section);
  const newline = text.includes('\r\n') ? '\r\n' : '\n';
  const render = (document: Document) =>
    document.toString({ lineWidth: 0 }).trimEnd().replaceAll(/\r?\n/g, newline);
  if (!pair) {
    const added = parse('');
    merge(added, [section], value);
    removeEmpty(added, section);
    if (!added.has(section)) return text;
    return `${text === '' || text.endsWith('\n') ? text : `${text}${newline}`}${render(added)}${newline}`;
  }
  const { key, value: node } = pair;
  if (!isScalar(key) || !key.range || !isNode(node) || !node.range)
    throw new Error(`${section}: cannot be edited here. Edit the file by hand.`);
  const start = key.range[0];
  if (isScalar(node) && node.value === null && isMapping(value)) return filled(text, start, section, value);
  const end = node.range[1] - (/\s*$/.exec(text.slice(start, node.range[1]))?.[0].length ?? 0);
  const part = parse(text.slice(start, end));
  visit(part, {
    Alias: (_, alias) => {
      if (alias.resolve(part) === undefined)
        throw new Error(`${section}: an alias of another section prevents the edit. Edit the file by hand.`);
    },
  });
  const before = part.toJS();
  merge(part, [section], value);
  if (isDeepStrictEqual(part.toJS(), before)) return text;
  removeEmpty(part, section);
  if (part.has(section)) return text.slice(0, start) + render(part) + text.slice(end);
  return text.slice(0, start) + text.slice(end).replace(/^[ \t]*(#.*)?\r?\n/, '');
};

/** A section without keys has all defaults, like no section. */
const removeEmpty = (document: Document, section: string): void => {
  const node = document.get(section, true);
  if (isMap(node) && node.items.length === 0) document.delete(section);
};

/** Fills an empty section, whose keys may all be commented out. The comments stay below the new keys. */
const filled = (text: string, start: number, section: string, value: Patch): string => {
  const lineEnd = text.indexOf('\n', start);
  const [line, rest] = lineEnd < 0 ? [text, ''] : [text.slice(0, lineEnd), text.slice(lineEnd + 1)];
  const added = parse('');
  merge(added, [section], value);
  const [, ...keys] = added.toString({ lineWidth: 0 }).trimEnd().split('\n');
  if (keys.length === 0) return text;
  const newline = line.endsWith('\r') ? '\r\n' : '\n';
  return [line.replace(/\r$/, ''), ...keys, rest].join(newline);
};

const merge = (document: Document, path: readonly string[], value: unknown): void => {
  if (value === null) return void document.deleteIn(path);
  if (!isMapping(value)) {
    if (!isDeepStrictEqual(plainAt(document, path), value)) setValue(document, path, value);
    return;
  }
  const node = document.getIn(path, true);
  if (!isMap(node)) setValue(document, path, {});
  for (const name of obsoleteKeys(plainAt(document, path), path, value)) document.deleteIn([...path, name]);
  for (const [key, inner] of Object.entries(value)) merge(document, [...path, key], inner);
};

/** Returns the keys that a patch of this mapping removes without naming them. */
const obsoleteKeys = (present: unknown, path: readonly string[], patch: Patch): string[] => {
  if (!isMapping(present)) return [];
  const names = Object.keys(present);
  // The other keys belong to the old driver.
  if (patch.driver !== undefined && patch.driver !== present.driver)
    return names.filter((name) => name !== 'driver');
  if (NAMED.has(path.join('.'))) return names.filter((name) => !(name in patch));
  const isSet = (value: unknown) => (value ?? null) !== null;
  return names.filter(
    (name) =>
      isSet(present[name]) &&
      !(name in patch) &&
      ALTERNATIVES.some((pair) => pair.includes(name) && pair.some((other) => isSet(patch[other]))),
  );
};

const plainAt = (document: Document, path: readonly string[]): unknown => {
  const node = document.getIn(path, true);
  return isNode(node) ? node.toJS(document) : undefined;
};

const setValue = (document: Document, path: readonly string[], value: unknown): void => {
  const isPlain = typeof value !== 'object';
  const node = isPlain ? value : document.createNode(value);
  if (isNode(node))
    visit(node, {
      Seq: (_, list) => {
        list.flow = true;
      },
    });
  if (isMap(node)) node.flow = false;
  document.setIn(path, node);
};
