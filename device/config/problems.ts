import type { z } from 'zod';
import { SortbinError } from '../kit/errors.js';
import { mostSimilar } from '../kit/similar-word.js';
import { explanationOf, isAboutKey } from './fields.js';
import {
  allowedTextWithoutNull,
  driversWithKey,
  type Fragment,
  fragmentsAt,
  innerKey,
  isMapping,
  keysOf,
  matchingMembers,
  type Path,
  unionMembers,
  valueAt,
} from './json-schema.js';

/**
 * `config-missing`: the file does not exist. `config-unreadable`: the file exists, but cannot be read or is too large.
 * `config-syntax`: the text is not in the accepted subset of YAML. `config-invalid`: a key or a value is not allowed.
 */
export type ConfigErrorCode = 'config-missing' | 'config-unreadable' | 'config-syntax' | 'config-invalid';

/** One problem of a configuration file. None of its texts contains a secret. */
export interface Problem {
  /** Dotted, with array indexes: `camera.script[2].fault`. Empty for the file as a whole. */
  readonly path: string;
  /** The value as text. null: the value is missing, or is not shown. */
  readonly value: string | null;
  /** A noun phrase. */
  readonly allowed: string;
  /** From 1. null: unknown. */
  readonly line: number | null;
  /** One line: `<path>: <problem>. <fix>.` */
  readonly message: string;
}

export class ConfigError extends SortbinError<ConfigErrorCode> {
  override readonly name = 'ConfigError';

  /** The error's message has one line for each problem: `<source>:<line>: <message>`. */
  constructor(
    code: ConfigErrorCode,
    source: string,
    readonly problems: readonly Problem[],
    options?: { cause?: unknown },
  ) {
    super(code, problems.map((problem) => lineOf(source, problem)).join('\n'), options);
  }
}

const lineOf = (source: string, { line, message }: Problem): string =>
  line === null ? `${source}: ${message}` : `${source}:${line}: ${message}`;

type Issue = z.core.$ZodIssue;

/**
 * Converts the issues of a validation of `input` to problems, one for each path, ordered by line. `originalPath` returns
 * the path in the file of a path in `input`.
 */
export const problemsOf = (
  issues: readonly Issue[],
  input: unknown,
  schema: Fragment,
  lineAt: (path: Path) => number | null,
  originalPath: (path: Path) => Path,
): Problem[] => {
  const problems = new Map<string, Problem>();
  const add = (inputPath: Path, value: string | null, allowed: string, message: string) => {
    const path = originalPath(inputPath);
    const key = pathText(path);
    if (!problems.has(key))
      problems.set(key, {
        path: key,
        value,
        allowed,
        line: lineAt(path),
        message: `${key || 'the file'}: ${message}.`,
      });
  };

  const addValue = (path: Path, issue: Issue) => {
    const fragments = fragmentsAt(schema, input, path);
    const value = path.reduce(valueAt, input);
    const isCustom = issue.code === 'custom';
    const allowed = isCustom && issue.message ? issue.message : allowedTextWithoutNull(fragments);
    const { context, fix } = isCustom ? explanationOf(issue.params) : {};
    const because = context ? ` ${context}` : '';
    const defaultValue = fragments.find((fragment) => typeof fragment.default === 'number')?.default;
    if (value === undefined && defaultValue !== undefined)
      add(
        path,
        valueText(defaultValue),
        allowed,
        `the default ${defaultValue} is not allowed${because}. ${fix ?? `Use ${allowed}`}`,
      );
    else if (value === undefined)
      add(path, null, allowed, `this key is required${because}. ${fix ?? `Set ${allowed}`}`);
    else {
      const shown = shownValue(value, fragments);
      const use = fix ?? `Use ${allowed}${isUnquotedText(value, fragments) ? ', in quotes' : ''}`;
      add(path, shown, allowed, `${shown} is not allowed${because}. ${use}`);
    }
  };

  const addUnknownKey = (path: Path, key: string) => {
    const fragments = fragmentsAt(schema, input, path);
    const members = matchingMembers(fragments, path.reduce(valueAt, input));
    const known = keysOf(members);
    const allowed = known.join(', ');
    const drivers = driversWithKey(fragments, key);
    const inner = innerKey(members, key);
    const meant = mostSimilar(key, known) ?? (inner && pathText(originalPath([...path, ...inner])));
    const fix =
      drivers.length > 0
        ? `It belongs to the driver ${drivers.join(' or ')}. Delete it, or change ${pathText(originalPath([...path, 'driver']))}`
        : `${meant ? `Did you mean ${meant}? ` : ''}Allowed keys: ${allowed}`;
    // The value is not shown: the key may be a misspelt `password`.
    add([...path, key], null, allowed, `unknown key. ${fix}`);
  };

  const allowedNames = (path: Path): string => {
    const records = fragmentsAt(schema, input, path.slice(0, -1)).flatMap(unionMembers);
    return allowedTextWithoutNull(records.flatMap(({ propertyNames }) => propertyNames ?? []));
  };

  const addName = (path: Path, allowed: string) => {
    const name = keyText(String(path.at(-1)));
    add(path, name, allowed, `the name ${name} is not allowed. Use ${allowed}`);
  };

  const addIssue = (issue: Issue, base: Path) => {
    const path = [...base, ...issue.path.map((key) => (typeof key === 'number' ? key : String(key)))];
    const likely = issue.code === 'invalid_union' ? likelyMember(issue.errors) : undefined;
    if (likely) for (const inner of likely) addIssue(inner, path);
    else if (issue.code === 'unrecognized_keys') for (const key of issue.keys) addUnknownKey(path, key);
    else if (issue.code === 'invalid_key') addName(path, allowedNames(path));
    else if (issue.code === 'custom' && isAboutKey(issue.params)) addName(path, issue.message);
    else addValue(path, issue);
  };

  for (const issue of issues) addIssue(issue, []);
  return [...problems.values()].sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
};

/** Returns the issues of the only union member that accepts all keys of the value, or undefined. */
const likelyMember = (errors: readonly (readonly Issue[])[]): readonly Issue[] | undefined => {
  const likely = errors.filter(
    (issues) => !issues.some(({ code, path }) => path.length === 0 && code !== 'custom'),
  );
  return likely.length === 1 ? likely[0] : undefined;
};

/** Whether YAML has read a text without quotes as another type, for example a password of digits. */
const isUnquotedText = (value: unknown, fragments: readonly Fragment[]): boolean =>
  (typeof value === 'number' || typeof value === 'boolean') &&
  fragments
    .flatMap(unionMembers)
    .some(
      (member) => member.type === 'string' && !member.title && !member.enum && member.const === undefined,
    );

const shownValue = (value: unknown, fragments: readonly Fragment[]): string => {
  if (fragments.some(({ writeOnly }) => writeOnly)) return '***';
  const members = fragments.flatMap(unionMembers);
  // A string in place of a mapping may be a secret, such as a misplaced password. A mode, such as `auto`, is none.
  const isHidden = members.some(isMapping) && !members.some((member) => typeof member.const === 'string');
  return isHidden && typeof value === 'string' ? 'a string' : valueText(value);
};

const MAX_VALUE_LENGTH = 80;
const PLAIN_KEY = /^[A-Za-z0-9_-]+$/;

/** Returns the path as text: `camera.script[2].fault`. Keys with other characters are quoted. */
const pathText = (path: Path): string =>
  path
    .map((key) => {
      if (typeof key === 'number') return `[${key}]`;
      return PLAIN_KEY.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
    })
    .join('')
    .replace(/^\./, '');

/** Returns one short line for a value, without credentials of URLs and without the contents of lists and mappings. */
const valueText = (value: unknown): string => {
  if (typeof value === 'string') return JSON.stringify(shorten(withoutLogin(value)));
  if (Array.isArray(value))
    return value.length === 0
      ? 'an empty list'
      : `a list of ${value.length} ${value.length === 1 ? 'entry' : 'entries'}`;
  if (typeof value !== 'object' || value === null) return String(value);
  const keys = Object.keys(value);
  return keys.length === 0 ? 'an empty mapping' : shorten(`a mapping with ${keys.map(keyText).join(', ')}`);
};

/** Without an @, a colon that is not before a port may stand between a user name and a password. */
const withoutLogin = (text: string): string =>
  text.includes('@')
    ? text.replace(/^.*@/s, '***@')
    : text.replace(/(?<=\/\/)[^/[\]]*:(?!\d{0,5}(?:[/?#]|$)).*$/s, '***');

const keyText = (key: string): string => (PLAIN_KEY.test(key) ? key : JSON.stringify(key));

const shorten = (text: string): string =>
  text.length > MAX_VALUE_LENGTH ? `${text.slice(0, MAX_VALUE_LENGTH)}…` : text;
