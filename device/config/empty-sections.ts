import { type Fragment, fragmentsAt, isMapping, unionMembers } from './json-schema.js';

/**
 * Replaces each empty section by an empty mapping, which has all defaults. A section is empty in YAML if all its keys
 * are commented out. Then its value is null. A section that may be null stays null.
 */
export const fillEmptySections = (root: Fragment, input: unknown): unknown => fill(input, [root]);

/** Stops at values that the schema does not describe. A value may contain itself, through an alias. */
const fill = (value: unknown, fragments: readonly Fragment[]): unknown => {
  if (value === null) return isSection(fragments) ? {} : value;
  if (typeof value !== 'object' || fragments.length === 0) return value;
  const fillChild = (inner: unknown, key: string | number) =>
    fill(
      inner,
      fragments.flatMap((fragment) => fragmentsAt(fragment, value, [key])),
    );
  if (Array.isArray(value)) return value.map(fillChild);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, fillChild(inner, key)]));
};

const isSection = (fragments: readonly Fragment[]): boolean => {
  const members = fragments.flatMap(unionMembers);
  const isRecord = ({ additionalProperties }: Fragment) => typeof additionalProperties === 'object';
  return (
    members.some((member) => isMapping(member) || isRecord(member)) &&
    !members.some(({ type }) => type === 'null')
  );
};
