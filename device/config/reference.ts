import { stringify } from 'yaml';
import { NAME_RULE } from './fields.js';
import { allowedText, type Fragment, isMapping, matchingMembers, unionMembers } from './json-schema.js';
import { jsonSchema } from './schema.js';

const GENERATOR = 'npx sortbin config reference > docs/configuration.md';

const pageHead = (): string => `<!-- Generated. Do not edit. To update: ${GENERATOR} -->
# Configuration

The configuration is one YAML file, \`sortbin.yaml\`.

- Every key has a default. Write only the keys that you change. An empty file is a complete configuration.
- Unknown keys are refused.
- The end of a key names its unit: \`Ms\` milliseconds, \`S\` seconds, \`Us\` microseconds, \`Mm\` millimetres.
- A relative path starts at the folder of the configuration file. If there is no file, it starts at the working
  directory of the daemon.
- In the tables, "a name" means ${NAME_RULE}.

${markdownTable([
  ['Command', 'Result'],
  ['`sortbin config init`', 'Writes a `sortbin.yaml` with every key, its default and its meaning'],
  ['`sortbin config check`', 'Lists every problem of the file, with its line'],
  ['`sortbin config schema`', 'Prints the JSON Schema, for editors'],
])}`;

interface Row {
  readonly key: string;
  readonly fragment: Fragment;
}

/** Returns the reference page in Markdown, with one table for each part and each driver of a part. */
export const referencePage = (): string => {
  const parts = Object.entries(jsonSchema().properties ?? {});
  const sections = parts.map(([name, part]) => section(name, part));
  return [pageHead(), ...sections].join('\n');
};

const section = (name: string, part: Fragment): string => {
  const members = unionMembers(part);
  if (!members.some(isMapping)) return `## ${name}\n\n${keyTable([{ key: name, fragment: part }])}`;
  const tables = members.map((member) => {
    const driver = member.properties?.driver?.const;
    const heading = members.length > 1 ? `### ${name} by driver \`${driver}\`\n\n` : '';
    return heading + keyTable(rowsOf(name, member));
  });
  return `## ${name}\n\n${part.description}.\n\n${tables.join('\n')}`;
};

/** Returns a row for each key of a mapping. The keys of nested mappings and lists have their full path. */
const rowsOf = (path: string, mapping: Fragment): Row[] =>
  Object.entries(mapping.properties ?? {}).flatMap(([name, fragment]) => {
    const key = `${path}.${name}`;
    if (isMapping(fragment)) return rowsOf(key, fragment);
    const items = fragment.items ? unionMembers(fragment.items) : [];
    return [{ key, fragment }, ...items.flatMap((item) => rowsOf(`${key}[]`, item))];
  });

const keyTable = (rows: readonly Row[]): string =>
  markdownTable([
    ['Key', 'Default', 'Allowed', 'Meaning'],
    ...rows.map(({ key, fragment }) => {
      const defaultText = fragment.default === undefined ? '' : `\`${JSON.stringify(fragment.default)}\``;
      return [
        `\`${key}\``,
        defaultText,
        allowedText([fragment]).replaceAll(NAME_RULE, 'a name'),
        fragment.description ?? '',
      ];
    }),
  ]);

/** Returns a table with padded columns, as Markdown formatters write it. The first row is the head. */
const markdownTable = (rows: readonly (readonly string[])[]): string => {
  const cells = rows.map((row) => row.map((cell) => cell.replaceAll('|', '\\|')));
  const widths = (cells[0] ?? []).map((_, column) =>
    Math.max(3, ...cells.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]) =>
    `| ${widths.map((width, column) => (row[column] ?? '').padEnd(width)).join(' | ')} |\n`;
  const [head = [], ...others] = cells;
  const rule = widths.map((width) => '-'.repeat(width));
  return [head, rule, ...others].map(line).join('');
};

const MAX_WIDTH = 100;

const FILE_HEAD = [
  '# Configuration of the sorting bin. Every value is the default.',
  '# Change what you need and delete the rest. Then check the file: sortbin config check',
];

/** Returns a configuration file with every key at its default. A comment above each key explains it. */
export const initText = (): string => {
  const root = jsonSchema();
  return `${[...FILE_HEAD, ...fileLines(root, root, '')].join('\n')}\n`;
};

/** Returns the lines of one mapping. `part`: the mapping, or the union of drivers that the mapping is the default of. */
const fileLines = (mapping: Fragment, part: Fragment, indent: string): string[] =>
  Object.entries(mapping.properties ?? {}).flatMap(([name, fragment]) => {
    const blank = indent === '' ? [''] : [];
    const inner = matchingMembers([fragment], {}).find(isMapping);
    // Only the name of an optional mapping is written: an incomplete mapping would be invalid.
    if (inner && fragment.default !== null) {
      const head = [...blank, ...commentLines(`${fragment.description}.`, indent), `${indent}${name}:`];
      return [...head, ...fileLines(inner, fragment, `${indent}  `)];
    }
    const variants = unionMembers(part).flatMap(({ properties }) => properties?.[name] ?? []);
    const comment = `${fragment.description}. Allowed: ${allowedText(variants)}.`;
    return [...blank, ...commentLines(comment, indent), ...entryLines(name, fragment.default, indent)];
  });

const entryLines = (name: string, value: unknown, indent: string): string[] =>
  stringify({ [name]: value })
    .trimEnd()
    .split('\n')
    .map((line) => indent + line);

const commentLines = (text: string, indent: string): string[] => {
  const prefix = `${indent}# `;
  const lines: string[] = [];
  let line = prefix;
  for (const word of text.split(' ')) {
    const longer = line === prefix ? line + word : `${line} ${word}`;
    if (longer.length > MAX_WIDTH && line !== prefix) {
      lines.push(line);
      line = prefix + word;
    } else line = longer;
  }
  return [...lines, line];
};
