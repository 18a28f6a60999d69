/** JSON Schema, as far as the config's own schema makes use of it. */
export interface Fragment {
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
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
  /** A secret. */
  readonly writeOnly?: boolean;
}

export type Path = readonly (string | number)[];

/** The members of a union, of a union in it, too; of anything else itself. */
export const members = (fragment: Fragment): readonly Fragment[] =>
  (fragment.anyOf ?? fragment.oneOf)?.flatMap(members) ?? [fragment];

/**
 * What the schema says about the value at `path` in `input`: more than one fragment where a union leaves it open.
 * A union's members are told apart by their constant keys, as `driver`.
 */
export const fragmentsAt = (root: Fragment, input: unknown, path: Path): readonly Fragment[] => {
  let found: readonly Fragment[] = [root];
  let value = input;
  for (const key of path) {
    const within = (fragments: readonly Fragment[]) => fragments.flatMap((fragment) => child(fragment, key));
    const fit = within(fitting(found, value));
    found = fit.length > 0 ? fit : within(found.flatMap(members));
    value = valueAt(value, key);
  }
  return found;
};

/** The members of `fragments` that `value` can be meant for; all, when it fits none. */
export const fitting = (fragments: readonly Fragment[], value: unknown): readonly Fragment[] => {
  const all = fragments.flatMap(members);
  const fit = all.filter(({ properties = {} }) =>
    Object.entries(properties).every(
      ([key, property]) =>
        property.const === undefined || (valueAt(value, key) ?? property.default) === property.const,
    ),
  );
  return fit.length > 0 ? fit : all;
};

const child = (fragment: Fragment, key: string | number): Fragment[] => {
  const { items, properties = {}, additionalProperties } = fragment;
  if (typeof key === 'number') return items ? [items] : [];
  const property = Object.hasOwn(properties, key) ? properties[key] : undefined;
  if (property) return [property];
  return typeof additionalProperties === 'object' ? [additionalProperties] : [];
};

/** The value under one key, if there is one. */
export const valueAt = (value: unknown, key: string | number): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string | number, unknown>)[key]
    : undefined;

export const keysOf = (fragments: readonly Fragment[]): string[] => [
  ...new Set(fragments.flatMap(({ properties = {} }) => Object.keys(properties))),
];

/** What is allowed, in words: `a number from 0 to 1, or null`. */
export const allowedWords = (fragments: readonly Fragment[]): string => {
  const all = fragments.flatMap(members);
  const isChoice = (fragment: Fragment) => fragment.enum !== undefined || 'const' in fragment;
  const choices = all.flatMap((fragment) => fragment.enum ?? ('const' in fragment ? [fragment.const] : []));
  const mappings = all.filter(isMapping);
  const others = all.filter(
    (fragment) => !isMapping(fragment) && !isChoice(fragment) && fragment.type !== 'null',
  );
  const words = [
    ...(choices.length > 0
      ? [`one of ${[...new Set(choices)].map((choice) => JSON.stringify(choice)).join(', ')}`]
      : []),
    ...others.map(wordsOf),
    ...(mappings.length > 0 ? [mappingWords(mappings)] : []),
    ...(all.some(({ type }) => type === 'null') ? ['null'] : []),
  ];
  return [...new Set(words)].join(', or ');
};

/** The same, without the null that many values may be instead. */
export const allowedInstead = (fragments: readonly Fragment[]): string =>
  allowedWords(fragments.flatMap(members).filter(({ type }) => type !== 'null'));

/** An object whose keys are known, not a record. */
export const isMapping = ({ properties }: Fragment): boolean => properties !== undefined;

const mappingWords = (mappings: readonly Fragment[]): string =>
  `a mapping with ${mappings.map((mapping) => keysOf([mapping]).join(', ')).join('; or with ')}`;

const wordsOf = (fragment: Fragment): string => {
  if (fragment.title) return fragment.title;
  switch (fragment.type) {
    case 'integer':
      return `a whole number from ${fragment.minimum} to ${fragment.maximum}`;
    case 'number':
      return `a number from ${fragment.minimum} to ${fragment.maximum}`;
    case 'boolean':
      return 'true or false';
    case 'string':
      return `a text of ${fragment.minLength} to ${fragment.maxLength} characters`;
    case 'array':
      return `a list of ${fragment.minItems ?? 0} to ${fragment.maxItems}, each ${allowedWords([fragment.items ?? {}])}`;
    default:
      return recordWords(fragment);
  }
};

const recordWords = ({ propertyNames = {}, additionalProperties }: Fragment): string => {
  const values = typeof additionalProperties === 'object' ? [additionalProperties] : [];
  return `a mapping from ${allowedWords([propertyNames])} to ${allowedWords(values)}`;
};
