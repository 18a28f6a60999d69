import { type Document, isAlias, isMap, isNode, isScalar, parseDocument } from 'yaml';
import { type Change, keyOf } from './calibrate.js';

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
