import type { Fragment, Path } from './json-schema.js';
import type { Config } from './schema.js';

/** Returns the paths of the secrets in a schema. */
export const secretPaths = ({ properties = {} }: Fragment): Path[] =>
  Object.entries(properties).flatMap(([key, fragment]) =>
    fragment.writeOnly ? [[key]] : secretPaths(fragment).map((path) => [key, ...path]),
  );

/** Returns the path of a key whose value contains a password, or null. */
export const passwordPath = ({ mqtt: { url, password } }: Config): Path | null => {
  if (password !== null) return ['mqtt', 'password'];
  return url !== null && new URL(url).password !== '' ? ['mqtt', 'url'] : null;
};
