import { allowedWords, isMapping } from './allowed.js';
import { type Fragment, jsonSchema, members } from './fragment.js';

export { jsonSchema } from './fragment.js';
export { initText } from './init.js';

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
