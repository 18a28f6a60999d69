import type { z } from 'zod';
import type { Problem } from './errors.js';
import { isOfName } from './fields.js';
import {
  allowedInstead,
  type Fragment,
  fitting,
  fragmentsAt,
  isMapping,
  keysOf,
  members,
  type Path,
  valueAt,
} from './json-schema.js';

type Issue = z.core.$ZodIssue;

/** What validation found wrong with `input`, in the words of its schema: one problem for each path, by line. */
export const problemsOf = (
  issues: readonly Issue[],
  input: unknown,
  schema: Fragment,
  lineAt: (path: Path) => number | null,
): Problem[] => {
  const found = new Map<string, Problem>();
  const add = (path: Path, problem: Omit<Problem, 'path' | 'line' | 'message'>, message: string) => {
    const text = pathText(path);
    if (!found.has(text))
      found.set(text, {
        path: text,
        ...problem,
        line: lineAt(path),
        message: `${text || 'the file'}: ${message}`,
      });
  };

  const refuse = (path: Path, issue: Issue) => {
    const fragments = fragmentsAt(schema, input, path);
    const value = path.reduce(valueAt, input);
    const allowed = issue.code === 'custom' && issue.message ? issue.message : allowedInstead(fragments);
    const preset = fragments.find((fragment) => typeof fragment.default === 'number')?.default;
    if (value === undefined && preset !== undefined)
      add(path, { value: valueText(preset), allowed }, `${preset}, the default, is not allowed: ${allowed}`);
    else if (value === undefined) add(path, { value: null, allowed }, `missing: ${allowed}`);
    else {
      const shown = shownValue(value, fragments);
      add(path, { value: shown, allowed }, `${shown} is not allowed: ${allowed}`);
    }
  };

  const refuseKey = (path: Path, key: string) => {
    const at = path.reduce(valueAt, input);
    const known = keysOf(fitting(fragmentsAt(schema, input, path), at));
    const meant = nearest(key, known);
    const allowed = known.join(', ');
    // Its value is not shown: it may be a secret under a key that was misspelt.
    add(
      [...path, key],
      { value: null, allowed },
      `unknown key; ${meant ? `did you mean ${meant}? ` : ''}known here: ${allowed}`,
    );
  };

  const nameAllowed = (path: Path): string => {
    const records = fragmentsAt(schema, input, path.slice(0, -1)).flatMap(members);
    return allowedInstead(records.flatMap(({ propertyNames }) => propertyNames ?? []));
  };

  const refuseName = (path: Path, allowed: string) => {
    const name = String(path.at(-1));
    add(path, { value: keyText(name), allowed }, `the name ${keyText(name)} is not allowed: ${allowed}`);
  };

  const explain = (issue: Issue, base: Path) => {
    const path = [...base, ...issue.path.map((key) => (typeof key === 'number' ? key : String(key)))];
    const meant = issue.code === 'invalid_union' ? memberMeant(issue.errors) : undefined;
    if (meant) for (const inner of meant) explain(inner, path);
    else if (issue.code === 'unrecognized_keys') for (const key of issue.keys) refuseKey(path, key);
    else if (issue.code === 'invalid_key') refuseName(path, nameAllowed(path));
    else if (issue.code === 'custom' && isOfName(issue.params)) refuseName(path, issue.message);
    else refuse(path, issue);
  };

  for (const issue of issues) explain(issue, []);
  return [...found.values()].sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
};

/** The member of a union that a value was plainly meant for: the only one that knows all its keys. */
const memberMeant = (errors: readonly (readonly Issue[])[]): readonly Issue[] | undefined => {
  const likely = errors.filter(
    (issues) => !issues.some(({ code, path }) => path.length === 0 && code !== 'custom'),
  );
  return likely.length === 1 ? likely[0] : undefined;
};

const shownValue = (value: unknown, fragments: readonly Fragment[]): string => {
  if (fragments.some(({ writeOnly }) => writeOnly)) return '***';
  const mapping = fragments.flatMap(members).some(isMapping);
  // Text in the place of a mapping may hold anything, a secret too.
  return mapping && typeof value === 'string' ? 'a text' : valueText(value);
};

/** The known word that `word` is most likely a slip of; undefined where none is near. */
export const nearest = (word: string, known: readonly string[]): string | undefined => {
  const allowed = Math.max(1, Math.floor(word.length / 3));
  return known
    .map((candidate) => ({ candidate, edits: edits(word.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ edits }) => edits <= allowed)
    .sort((a, b) => a.edits - b.edits)[0]?.candidate;
};

/** How many characters are put in, left out, replaced or swapped with their neighbour (optimal string alignment). */
const edits = (from: string, to: string): number => {
  if (Math.abs(from.length - to.length) > 10) return Number.POSITIVE_INFINITY;
  const rows: number[][] = [Array.from({ length: to.length + 1 }, (_, column) => column)];
  const at = (row: number, column: number): number => rows[row]?.[column] ?? Number.POSITIVE_INFINITY;
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    rows.push(current);
    for (let column = 1; column <= to.length; column++) {
      const replaced = at(row - 1, column - 1) + (from[row - 1] === to[column - 1] ? 0 : 1);
      const swaps = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      current.push(
        Math.min(
          replaced,
          at(row - 1, column) + 1,
          at(row, column - 1) + 1,
          swaps ? at(row - 2, column - 2) + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
  }
  return at(from.length, to.length);
};

const LONGEST = 80;
const PLAIN_KEY = /^[A-Za-z0-9_-]+$/;

/** `camera.script[2].fault`; keys out of other characters are quoted. */
export const pathText = (path: Path): string =>
  path
    .map((key) => {
      if (typeof key === 'number') return `[${key}]`;
      return PLAIN_KEY.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
    })
    .join('')
    .replace(/^\./, '');

/** A value for a message: one line, bounded, no credentials of URLs, no contents of lists and mappings. */
export const valueText = (value: unknown): string => {
  if (typeof value === 'string') return JSON.stringify(shorten(value.replace(/^.*@/s, '***@')));
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${value.length}`;
  if (typeof value !== 'object' || value === null) return String(value);
  const keys = Object.keys(value);
  return keys.length === 0 ? 'an empty mapping' : shorten(`a mapping with ${keys.map(keyText).join(', ')}`);
};

export const keyText = (key: string): string => (PLAIN_KEY.test(key) ? key : JSON.stringify(key));

const shorten = (text: string): string => (text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);
