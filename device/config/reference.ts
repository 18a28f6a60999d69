import { stringify } from 'yaml';
import { allowedWords, type Fragment, fitting, isMapping, members } from './json-schema.js';
import { jsonSchema } from './schema.js';

const MADE_BY = 'npx sortbin config reference > docs/configuration.md';

const head = (): string => `<!-- Generated, do not edit: ${MADE_BY} -->
# Configuration

One YAML file, \`sortbin.yaml\`. Every key has a default: leave out what you do not change; an empty file is complete.
Unknown keys are refused. Times are in the unit that the key ends with: \`Ms\` milliseconds, \`S\` seconds.

${markdownTable([
  ['command', 'what it does'],
  ['`sortbin config init`', 'writes a `sortbin.yaml` with every key, its default and its meaning'],
  ['`sortbin config check`', 'names every problem of the file, with its line'],
  ['`sortbin config schema`', 'prints the JSON Schema, for editors'],
])}`;

interface Row {
  readonly key: string;
  readonly fragment: Fragment;
}

/** The reference page, in Markdown: one table for each part, and for each driver of a part. */
export const referencePage = (): string => {
  const parts = Object.entries(jsonSchema().properties ?? {});
  const sections = parts.map(([name, part]) => section(name, part));
  return [head(), ...sections].join('\n');
};

const section = (name: string, part: Fragment): string => {
  const variants = members(part);
  if (!variants.some(isMapping)) return `## ${name}\n\n${table([{ key: name, fragment: part }])}`;
  const tables = variants.map((variant) => {
    const driver = variant.properties?.driver?.const;
    const heading = variants.length > 1 ? `### ${name} by driver \`${driver}\`\n\n` : '';
    return heading + table(rowsOf(name, variant));
  });
  return `## ${name}\n\n${part.description}.\n\n${tables.join('\n')}`;
};

/** A row for each key of a mapping; those of mappings and lists in it under their full path. */
const rowsOf = (path: string, mapping: Fragment): Row[] =>
  Object.entries(mapping.properties ?? {}).flatMap(([name, fragment]) => {
    const key = `${path}.${name}`;
    if (isMapping(fragment)) return rowsOf(key, fragment);
    const steps = fragment.items ? members(fragment.items) : [];
    return [{ key, fragment }, ...steps.flatMap((step) => rowsOf(`${key}[]`, step))];
  });

const table = (rows: readonly Row[]): string =>
  markdownTable([
    ['key', 'default', 'allowed', 'meaning'],
    ...rows.map(({ key, fragment }) => {
      const preset = fragment.default === undefined ? '' : `\`${JSON.stringify(fragment.default)}\``;
      return [`\`${key}\``, preset, allowedWords([fragment]), fragment.description ?? ''];
    }),
  ]);

/** The first row is the head. Columns are padded, as a formatter of Markdown leaves them. */
const markdownTable = (rows: readonly (readonly string[])[]): string => {
  const cells = rows.map((row) => row.map((cell) => cell.replaceAll('|', '\\|')));
  const widths = (cells[0] ?? []).map((_, column) =>
    Math.max(3, ...cells.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]) =>
    `| ${widths.map((width, column) => (row[column] ?? '').padEnd(width)).join(' | ')} |\n`;
  const [first = [], ...others] = cells;
  const rule = widths.map((width) => '-'.repeat(width));
  return [first, rule, ...others].map(line).join('');
};

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
