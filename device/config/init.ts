import { stringify } from 'yaml';
import { allowedWords, isMapping } from './allowed.js';
import { type Fragment, fitting, jsonSchema, members } from './fragment.js';

const WIDTH = 100;

const HEAD = [
  '# Configuration of the sorting bin. Every value is the default: change what you need, leave out the rest.',
  '# Check it with: sortbin config check',
];

/** A config file with every key at its default, what it means and what is allowed in a comment above it. */
export const initText = (): string => {
  const root = jsonSchema();
  return `${[...HEAD, ...lines(root, root, '')].join('\n')}\n`;
};

/** The lines of one mapping; of a part with several drivers, those of the default one. */
const lines = (mapping: Fragment, part: Fragment, indent: string): string[] =>
  Object.entries(mapping.properties ?? {}).flatMap(([name, fragment]) => {
    const blank = indent === '' ? [''] : [];
    const inner = fitting([fragment], {}).find(isMapping);
    // What is left out by default is only named: half of it would be wrong.
    if (inner && fragment.default !== null) {
      const head = [...blank, ...comment(`${fragment.description}.`, indent), `${indent}${name}:`];
      return [...head, ...lines(inner, fragment, `${indent}  `)];
    }
    const same = members(part).flatMap(({ properties }) => properties?.[name] ?? []);
    const meaning = `${fragment.description}. Allowed: ${allowedWords(same)}.`;
    return [...blank, ...comment(meaning, indent), ...entry(name, fragment.default, indent)];
  });

const entry = (name: string, value: unknown, indent: string): string[] =>
  stringify({ [name]: value })
    .trimEnd()
    .split('\n')
    .map((line) => indent + line);

const comment = (text: string, indent: string): string[] => {
  const lead = `${indent}# `;
  const wrapped: string[] = [];
  let line = lead;
  for (const word of text.split(' ')) {
    const longer = line === lead ? line + word : `${line} ${word}`;
    if (longer.length > WIDTH && line !== lead) {
      wrapped.push(line);
      line = lead + word;
    } else line = longer;
  }
  return [...wrapped, line];
};
