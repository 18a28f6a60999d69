import { z } from 'zod';
import { markdownTable } from '../../kit/markdown.js';

/** A fragment of JSON Schema, with the keywords that the messages use. */
interface Fragment {
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Fragment>>;
  readonly type?: string | readonly string[];
  readonly format?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Fragment>>;
  readonly required?: readonly string[];
  readonly items?: Fragment | false;
  readonly prefixItems?: readonly Fragment[];
  readonly additionalProperties?: Fragment | boolean;
  readonly anyOf?: readonly Fragment[];
  readonly oneOf?: readonly Fragment[];
  readonly description?: string;
  readonly unit?: string;
}

type Row = [key: string, type: string, meaning: string];

/** Where the page explains a schema that several messages contain, by its id. */
const SECTIONS: Readonly<Record<string, string>> = {
  fault: '[Fault](#fault)',
  bundle: '[bundle](#modelshow)',
};
/** Longer lists of choices are in a table of the page. */
const MAX_CHOICES = 70;

/** The JSON Schema of a message, as a program that reads it needs it: later versions may add keys. */
export const jsonSchemaOf = (schema: z.ZodType): object =>
  z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });

/** Returns a table of all keys of a message as Markdown: names, types, units and meanings. */
export const fieldTable = (schema: z.ZodType): string =>
  markdownTable([['key', 'type', 'meaning'], ...fieldRows(schema)]);

/** Returns a row for each key at each depth. `NAME` is a key of any name, `[]` each entry of an array. */
export const fieldRows = (schema: z.ZodType): Row[] => {
  const root = jsonSchemaOf(schema) as Fragment;
  // A schema with an id refers to itself.
  const own = root.$ref ? root.$defs?.[root.$ref.split('/').at(-1) ?? ''] : root;
  return mergeByKey(rowsOf('', own ?? root));
};

const rowsOf = (path: string, fragment: Fragment): Row[] =>
  membersOf(fragment).flatMap((member): Row[] => {
    if (member.$ref) return [];
    const { properties, required = [], items, additionalProperties } = member;
    if (properties)
      return Object.entries(properties).flatMap(([name, inner]): Row[] => {
        const key = path === '' ? name : `${path}.${name}`;
        const optional = required.includes(name) ? '' : ', optional';
        return [[`\`${key}\``, typeOf(inner) + optional, inner.description ?? ''], ...rowsOf(key, inner)];
      });
    if (items) return rowsOf(`${path}[]`, items);
    return typeof additionalProperties === 'object' ? rowsOf(`${path}.NAME`, additionalProperties) : [];
  });

const membersOf = (fragment: Fragment): readonly Fragment[] => {
  const { type } = fragment;
  if (typeof type === 'object') return type.map((one) => ({ ...fragment, type: one }));
  const members = fragment.anyOf ?? fragment.oneOf;
  return members ? members.flatMap(membersOf) : [fragment];
};

/** The members of a union may have the same key. */
const mergeByKey = (rows: readonly Row[]): Row[] => {
  const merged = new Map<string, Row>();
  for (const row of rows) {
    const [key, type, meaning] = row;
    const [, before = type, first = meaning] = merged.get(key) ?? [];
    merged.set(key, [key, before === type ? type : `${before} or ${type}`, first || meaning]);
  }
  return [...merged.values()];
};

const typeOf = (fragment: Fragment): string => {
  const names = [...new Set(membersOf(fragment).map(nameOf))];
  const unit = fragment.unit ?? membersOf(fragment).find((member) => member.unit)?.unit;
  return names.join(' or ') + (unit === undefined ? '' : ` (${unit})`);
};

const nameOf = (fragment: Fragment): string => {
  const { $ref, type, format, prefixItems, items, additionalProperties, properties } = fragment;
  if ($ref) return SECTIONS[$ref.split('/').at(-1) ?? ''] ?? 'object';
  if (type === 'null') return '`null`';
  if ('const' in fragment) return `\`${String(fragment.const)}\``;
  const choices = fragment.enum?.map((choice) => `\`${choice}\``).join(', ');
  if (choices && choices.length <= MAX_CHOICES) return choices;
  if (format === 'date-time') return 'time';
  if (format === 'uuid') return 'UUID';
  if (type === 'integer') return 'whole number';
  if (prefixItems) return `array of ${prefixItems.length}`;
  if (type === 'array') return items ? `array of ${pluralOf(items)}` : 'array';
  if (properties) return 'object';
  if (typeof additionalProperties === 'object') return `object of ${pluralOf(additionalProperties)}`;
  return typeof type === 'string' ? type : 'any value';
};

const pluralOf = (fragment: Fragment): string => {
  const name = typeOf(fragment);
  return /^[a-z ]+$/i.test(name) ? `${name}s`.replace(/^array of (.*)s$/, 'arrays of $1') : name;
};
