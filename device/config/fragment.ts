import { z } from 'zod';
import { configSchema } from './schema.js';

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

/** The JSON Schema of what may be written into the file: every key is optional. */
export const jsonSchema = (): Fragment => z.toJSONSchema(configSchema, { io: 'input' }) as Fragment;

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
