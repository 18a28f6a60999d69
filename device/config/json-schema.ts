/** A fragment of JSON Schema, with the keywords that this configuration uses. */
export interface Fragment {
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly items?: Fragment;
  readonly properties?: Readonly<Record<string, Fragment>>;
  readonly propertyNames?: Fragment;
  readonly additionalProperties?: Fragment | boolean;
  readonly anyOf?: readonly Fragment[];
  readonly oneOf?: readonly Fragment[];
  /** Whether the value is a secret. */
  readonly writeOnly?: boolean;
}

export type Path = readonly (string | number)[];

/** Returns the members of a union, including those of nested unions. Anything else is its own only member. */
export const unionMembers = (fragment: Fragment): readonly Fragment[] =>
  (fragment.anyOf ?? fragment.oneOf)?.flatMap(unionMembers) ?? [fragment];

/**
 * Returns the fragments that describe the value at `path` in `input`. The result has several fragments if the value may
 * belong to several members of a union. A constant key, such as `driver`, tells the members apart.
 */
export const fragmentsAt = (root: Fragment, input: unknown, path: Path): readonly Fragment[] => {
  let current: readonly Fragment[] = [root];
  let value = input;
  for (const key of path) {
    const childrenOf = (fragments: readonly Fragment[]) =>
      fragments.flatMap((fragment) => childFragments(fragment, key));
    const children = childrenOf(matchingMembers(current, value));
    current = children.length > 0 ? children : childrenOf(current.flatMap(unionMembers));
    value = valueAt(value, key);
  }
  return current;
};

/** Returns the union members whose constant keys match `value`. If none matches, returns all. */
export const matchingMembers = (fragments: readonly Fragment[], value: unknown): readonly Fragment[] => {
  const all = fragments.flatMap(unionMembers);
  const matching = all.filter(({ properties = {} }) =>
    Object.entries(properties).every(
      ([key, property]) =>
        property.const === undefined || (valueAt(value, key) ?? property.default) === property.const,
    ),
  );
  return matching.length > 0 ? matching : all;
};

const childFragments = (fragment: Fragment, key: string | number): Fragment[] => {
  const { items, properties = {}, additionalProperties } = fragment;
  if (typeof key === 'number') return items ? [items] : [];
  const property = Object.hasOwn(properties, key) ? properties[key] : undefined;
  if (property) return [property];
  return typeof additionalProperties === 'object' ? [additionalProperties] : [];
};

/** Returns the value of one key, or undefined. */
export const valueAt = (value: unknown, key: string | number): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string | number, unknown>)[key]
    : undefined;

export const keysOf = (fragments: readonly Fragment[]): string[] => [
  ...new Set(fragments.flatMap(({ properties = {} }) => Object.keys(properties))),
];

/** Returns the drivers of the union members that have this key. */
export const driversWithKey = (fragments: readonly Fragment[], key: string): string[] =>
  fragments.flatMap(unionMembers).flatMap(({ properties = {} }) => {
    const driver = properties.driver?.const;
    return Object.hasOwn(properties, key) && typeof driver === 'string' ? [driver] : [];
  });

/** Returns the path of a key one level below the mappings, or undefined if none of their values may have this key. */
export const innerKey = (mappings: readonly Fragment[], key: string): [string, string] | undefined => {
  const entries = mappings.flatMap(({ properties = {} }) => Object.entries(properties));
  // A name in a record may have underscores. The fixed keys have none.
  const mayHave = ({ properties = {}, propertyNames }: Fragment) =>
    Object.hasOwn(properties, key) ||
    (key.includes('_') && propertyNames?.pattern !== undefined && RegExp(propertyNames.pattern).test(key));
  const found = entries.find(([, fragment]) => unionMembers(fragment).some(mayHave));
  return found && [found[0], key];
};

/** Whether the fragment is an object with fixed keys. A record has keys of any name. */
export const isMapping = ({ properties }: Fragment): boolean => properties !== undefined;

/** A mapping inside the schema of a value. */
export interface InnerMapping {
  /** Path with `[]` for each entry of a list, and `NAME` for each key of a record. */
  readonly path: string;
  readonly mapping: Fragment;
}

/** Returns the mappings that a value may be, or that its entries may be. Only a union has several. */
export const innerMappings = (path: string, fragment: Fragment): InnerMapping[] =>
  unionMembers(fragment).flatMap((member) => {
    if (isMapping(member)) return [{ path, mapping: member }];
    const { items, additionalProperties } = member;
    if (items) return innerMappings(`${path}[]`, items);
    return typeof additionalProperties === 'object'
      ? innerMappings(`${path}.NAME`, additionalProperties)
      : [];
  });

/** Returns a noun phrase for the allowed values: `a number from 0 to 1, or null`. */
export const allowedText = (fragments: readonly Fragment[]): string => {
  const all = fragments.flatMap(unionMembers);
  const isChoice = (fragment: Fragment) => fragment.enum !== undefined || 'const' in fragment;
  const choices = all.flatMap((fragment) => fragment.enum ?? ('const' in fragment ? [fragment.const] : []));
  const mappings = all.filter(isMapping);
  const others = all.filter(
    (fragment) => !isMapping(fragment) && !isChoice(fragment) && fragment.type !== 'null',
  );
  const phrases = [
    ...(choices.length > 0 ? [choiceText([...new Set(choices)])] : []),
    ...others.map(typeText),
    ...(mappings.length > 0 ? [mappingText(mappings)] : []),
    ...(all.some(({ type }) => type === 'null') ? ['null'] : []),
  ];
  return [...new Set(phrases)].join(', or ');
};

/** Like `allowedText`, but without null. */
export const allowedTextWithoutNull = (fragments: readonly Fragment[]): string =>
  allowedText(fragments.flatMap(unionMembers).filter(({ type }) => type !== 'null'));

const choiceText = (choices: readonly unknown[]): string => {
  const texts = choices.map((choice) => JSON.stringify(choice)).join(', ');
  return choices.length === 1 ? texts : `one of ${texts}`;
};

const mappingText = (mappings: readonly Fragment[]): string => {
  const keys = mappings.map((mapping) => keysOf([mapping]).join(', '));
  return keys.length === 1
    ? `a mapping with the keys ${keys[0]}`
    : `a mapping of the form ${keys.map((names) => `{${names}}`).join(' or ')}`;
};

const typeText = (fragment: Fragment): string => {
  if (fragment.title) return fragment.title;
  const { type, minimum, maximum, exclusiveMinimum, minLength, maxLength } = fragment;
  switch (type) {
    case 'integer':
      return `a whole number from ${minimum} to ${maximum}`;
    case 'number':
      return exclusiveMinimum === undefined
        ? `a number from ${minimum} to ${maximum}`
        : `a number above ${exclusiveMinimum}, up to ${maximum}`;
    case 'boolean':
      return 'true or false';
    case 'string':
      return `a string of ${minLength} to ${maxLength} characters`;
    case 'array':
      return listText(fragment);
    default:
      return recordText(fragment);
  }
};

const listText = ({ minItems = 0, maxItems, items = {} }: Fragment): string => {
  const length = maxItems === undefined ? `${minItems} or more` : `${minItems} to ${maxItems}`;
  return `a list of ${length} entries, each ${allowedText([items])}`;
};

const recordText = ({ propertyNames = {}, additionalProperties }: Fragment): string => {
  const values = typeof additionalProperties === 'object' ? [additionalProperties] : [];
  return `a mapping from ${allowedText([propertyNames])} to ${allowedText(values)}`;
};
