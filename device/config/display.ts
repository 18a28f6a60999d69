import type { Path } from './fragment.js';

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
