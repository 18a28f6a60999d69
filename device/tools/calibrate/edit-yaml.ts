import { type Document, isAlias, isMap, isNode, isScalar, parseDocument, stringify } from 'yaml';
import { type Change, type ConfigValue, keyOf } from './calibrate.js';

/** Replaces the text from `start` to before `end`. */
interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/**
 * Changes values in the text of a configuration and keeps the rest, including comments and spaces. A present value is
 * replaced in place. A missing value is inserted at the beginning of its mapping, and a missing part at the end of the
 * text. Values inserted at the same place keep their order. A change of the driver of a part removes its other keys first,
 * because they belong to the old driver.
 * @throws Error if a key on the path of a value has no mapping
 */
export const editYaml = (text: string, changes: readonly Change[]): string => {
  const isDriverOfPart = ({ path }: Change) =>
    isDriverChange(path) && isMap(parseYaml(text).get(path[0], true));
  const drivers = changes.filter(isDriverOfPart);
  const others = changes.filter((change) => !drivers.includes(change));
  return applyChanges(
    drivers.reduce((before, change) => withOnlyDriver(applyChanges(before, [change]), change.path), text),
    others,
  );
};

/** Whether a change of this path replaces all keys of a part. */
export const isDriverChange = (path: readonly string[]): boolean => path.length === 2 && path[1] === 'driver';

const applyChanges = (text: string, changes: readonly Change[]): string => {
  const document = parseYaml(text);
  return (
    mappingsOf(document, changes)
      .map(
        (change) =>
          filling(document, text, change) ??
          replacement(document, change) ??
          (change.path.length === 1 ? addition(text, change) : insertion(document, text, change)),
      )
      // Applies the edits from the end, so that earlier positions stay valid.
      .reverse()
      .sort((a, b) => b.start - a.start)
      .reduce((before, edit) => before.slice(0, edit.start) + edit.text + before.slice(edit.end), text)
  );
};

/** Removes the other keys of the mapping that has the driver, with their comments. */
const withOnlyDriver = (text: string, path: readonly string[]): string => {
  const document = parseYaml(text);
  const map = document.get(path[0], true);
  if (!isMap(map) || !map.range) return text;
  if (map.flow) {
    const [start, end] = map.range;
    return text.slice(0, start) + valueText({ driver: `${document.getIn(path)}` }) + text.slice(end);
  }
  const isDriver = ({ key }: { readonly key: unknown }) => isScalar(key) && key.value === 'driver';
  return map.items
    .filter((pair) => !isDriver(pair))
    .flatMap(({ key, value }) => {
      const start = isNode(key) && key.range?.[0];
      const end = isNode(value) && value.range?.[1];
      return typeof start === 'number' && typeof end === 'number' ? [linesAround(text, start, end)] : [];
    })
    .reduceRight((before, { start, end }) => before.slice(0, start) + before.slice(end), text);
};

/** Returns the range of the whole lines from `start` to `end`, and of the comment lines directly above. */
const linesAround = (text: string, start: number, end: number) => {
  const lineStart = (at: number) => text.lastIndexOf('\n', at - 1) + 1;
  let first = lineStart(start);
  while (first > 0 && /^[ \t]*#/.test(text.slice(lineStart(first - 1), first))) first = lineStart(first - 1);
  // The value of a block mapping ends after its last line.
  const lineEnd = text.indexOf('\n', text[end - 1] === '\n' ? end - 1 : end);
  return { start: first, end: lineEnd < 0 ? text.length : lineEnd + 1 };
};

/** Returns a configuration text with only these values. */
export const changesAsYaml = (changes: readonly Change[]): string => {
  const document = parseYaml('');
  for (const { path, to } of changes) document.setIn(path, to);
  return document.toString();
};

export const parseYaml = (text: string) =>
  parseDocument(text, { version: '1.2', schema: 'core', stringKeys: true });

type ValueAt = Pick<Change, 'path' | 'to'>;
type Mapping = { [key: string]: ConfigValue };

/** Combines the changes below a mapping that the text does not have, or that is empty, into that mapping. */
const mappingsOf = (document: Document, changes: readonly Change[]): ValueAt[] => {
  const values: ValueAt[] = [];
  const mappings = new Map<string, Mapping>();
  for (const { path, to } of changes) {
    const missing = path.findIndex((_, index) => {
      const at = path.slice(0, index + 1);
      return !document.hasIn(at) || (at.length < path.length && document.getIn(at) === null);
    });
    const inner = missing < 0 ? [] : path.slice(missing + 1);
    if (inner.length === 0) {
      values.push({ path, to });
      continue;
    }
    const outer = path.slice(0, missing + 1);
    const mapping = mappings.get(keyOf(outer)) ?? {};
    if (!mappings.has(keyOf(outer))) values.push({ path: outer, to: mapping });
    mappings.set(keyOf(outer), mapping);
    const holder = inner.slice(0, -1).reduce<Mapping>((at, key) => {
      const next = at[key];
      const found = typeof next === 'object' ? next : {};
      at[key] = found;
      return found;
    }, mapping);
    holder[inner.at(-1) ?? ''] = to;
  }
  return values;
};

/** `1500 -> 1480` */
export const changeText = ({ from, to }: Change): string => `${from ?? 'not set'} -> ${valueText(to)}`;

/** A mapping is written in one line. */
const valueText = (value: ConfigValue): string => {
  if (typeof value === 'number') return `${value}`;
  if (typeof value === 'string') return stringify(value, { lineWidth: 0 }).trimEnd();
  const pairs = Object.entries(value).map(([key, inner]) => `${key}: ${valueText(inner)}`);
  return `{ ${pairs.join(', ')} }`;
};

/** null: the value is missing. */
const replacement = (document: Document, { path, to }: ValueAt): Edit | null => {
  const node = document.getIn(path, true);
  if (!(isScalar(node) || isAlias(node)) || !node.range) return null;
  const [start, end] = node.range;
  return { start, end, text: valueText(to) };
};

/** Adds a part at the end of the text. */
const addition = (text: string, { path, to }: ValueAt): Edit => {
  const start = text.length;
  const newline = text === '' || text.endsWith('\n') ? '' : '\n';
  return { start, end: start, text: `${newline}${path[0]}: ${valueText(to)}\n` };
};

/** Fills an empty section, whose keys may all be commented out. null: the value is no empty section. */
const filling = (document: Document, text: string, { path, to }: ValueAt): Edit | null => {
  const node = document.getIn(path, true);
  const outer = document.getIn(path.slice(0, -1), true) ?? document.contents;
  const key =
    isMap(outer) && outer.items.find((pair) => isScalar(pair.key) && pair.key.value === path.at(-1))?.key;
  if (typeof to !== 'object' || !isScalar(node) || node.value !== null || !node.range) return null;
  if (!isMap(outer) || !isNode(key) || !key.range) return null;
  const [start, end] = node.range;
  if (end > start) return { start, end, text: valueText(to) };
  if (outer.flow) return { start, end, text: `${text[start - 1] === ':' ? ' ' : ''}${valueText(to)}` };
  const [keyStart, keyEnd] = key.range;
  const indent = text.slice(text.lastIndexOf('\n', keyStart - 1) + 1, keyStart);
  const lineEnd = text.indexOf('\n', keyEnd);
  const at = lineEnd < 0 ? text.length : lineEnd + 1;
  const newline = text[lineEnd - 1] === '\r' ? '\r\n' : '\n';
  const lines = Object.entries(to).map(
    ([name, value]) => `${indent}  ${name}: ${valueText(value)}${newline}`,
  );
  return { start: at, end: at, text: `${lineEnd < 0 ? '\n' : ''}${lines.join('')}` };
};

const insertion = (document: Document, text: string, { path, to }: ValueAt): Edit => {
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
    if (firstStart !== null)
      return { start: firstStart, end: firstStart, text: `${name}: ${valueText(to)}, ` };
    return { start: map.range[0], end: map.range[1], text: `{ ${name}: ${valueText(to)} }` };
  }
  // Inserts a line below the key of the mapping, with the indentation of its other keys.
  const lineEnd = text.indexOf('\n', pair.key.range[1]);
  const sibling = firstStart ?? map.range[0];
  const indent = text.slice(text.lastIndexOf('\n', sibling - 1) + 1, sibling);
  const newline = text[lineEnd - 1] === '\r' ? '\r\n' : '\n';
  return { start: lineEnd + 1, end: lineEnd + 1, text: `${indent}${name}: ${valueText(to)}${newline}` };
};
