import { type Fragment, keysOf, members } from './fragment.js';

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
