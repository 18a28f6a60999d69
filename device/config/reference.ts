import { isDeepStrictEqual } from 'node:util';
import { stringify } from 'yaml';
import { z } from 'zod';
import { markdownTable } from '../kit/markdown.js';
import { inputLine, NAME_RULE, outputLine } from './fields.js';
import {
  allowedText,
  type Fragment,
  type InnerMapping,
  innerMappings,
  isMapping,
  keysOf,
  matchingMembers,
  unionMembers,
} from './json-schema.js';
import { jsonSchema } from './schema.js';

const GENERATOR = 'npx sortbin config reference > docs/configuration.md';

const pageHead = (): string => `<!-- Generated. Do not edit. To update: ${GENERATOR} -->
# Configuration

The configuration is one YAML file, \`sortbin.yaml\`.

- \`--config FILE\` names the file. Without it, a command reads the file that the environment variable
  \`SORTBIN_CONFIG\` names, or \`sortbin.yaml\` in the current folder.
- Write only the keys that you change. An empty file is a complete configuration.
- If the default of a key is empty, the key is required wherever its mapping or form is used.
- Unknown keys are refused.
- \`NAME\` in a key stands for a name that you choose. \`[]\` stands for each entry of a list.
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
  /** Replaces the default of the fragment. */
  readonly defaultText?: string;
}

/** A mapping that many keys have. A separate section describes it once. */
interface SharedMapping {
  readonly name: string;
  readonly meaning: string;
  readonly schema: z.ZodObject;
  /** Keys whose default depends on the place. They also have a row at each place. */
  readonly varyingKeys: readonly string[];
}

const SHARED_MAPPINGS: readonly SharedMapping[] = [
  {
    name: 'input line',
    meaning: 'A GPIO line that the bin reads',
    schema: inputLine({ debounceMs: 0 }),
    varyingKeys: ['debounceMs'],
  },
  {
    name: 'output line',
    meaning: 'A GPIO line that the bin drives',
    schema: outputLine({ maxOnMs: 1, minOffMs: 0 }),
    varyingKeys: ['maxOnMs', 'minOffMs'],
  },
];

const VARYING_NOTE = 'If the default of a key differs between parts, the table of each part lists it.';

const sharedMappingOf = (mapping: Fragment): SharedMapping | undefined =>
  SHARED_MAPPINGS.find(({ schema }) => isDeepStrictEqual(Object.keys(schema.shape), keysOf([mapping])));

/** Returns the reference page in Markdown, with one table for each part and each driver of a part. */
export const referencePage = (): string => {
  const parts = Object.entries(jsonSchema().properties ?? {});
  const sections = parts.map(([name, part]) => section(name, part));
  return [pageHead(), ...sections, ...SHARED_MAPPINGS.map(sharedSection)].join('\n');
};

const section = (name: string, part: Fragment): string => {
  const mappings = innerMappings(name, part);
  if (mappings.length === 0) return `## ${name}\n\n${keyTable([{ key: name, fragment: part }])}`;
  return `## ${name}\n\n${part.description}.\n\n${alternatives(mappings, '###')}`;
};

const sharedSection = ({ name, meaning, schema, varyingKeys }: SharedMapping): string => {
  const mapping = z.toJSONSchema(schema, { io: 'input' }) as Fragment;
  const rows = Object.entries(mapping.properties ?? {}).map(([key, fragment]) =>
    varyingKeys.includes(key) ? { key, fragment, defaultText: 'differs' } : { key, fragment },
  );
  const heading = name.charAt(0).toUpperCase() + name.slice(1);
  return `## ${heading}\n\n${meaning}. ${VARYING_NOTE}\n\n${keyTable(rows)}`;
};

/** Returns the tables of a mapping. If it is a union, each driver has a separate heading. Other unions share one table. */
const alternatives = (mappings: readonly InnerMapping[], marks: string): string => {
  const [first] = mappings;
  if (!first || mappings.length === 1) return tables(mappings, marks);
  if (mappings.every(({ mapping }) => mapping.properties?.driver))
    return mappings
      .map((member) => {
        const heading = `${marks} ${member.path} by driver \`${member.mapping.properties?.driver?.const}\``;
        return `${heading}\n\n${tables([member], `${marks}#`)}`;
      })
      .join('\n');
  const forms = mappings.map(({ mapping }) => `\`{${keysOf([mapping]).join(', ')}}\``).join(', ');
  return `${marks} ${first.path}\n\nEach entry has one of these forms: ${forms}.\n\n${tables(mappings, `${marks}#`)}`;
};

/** Returns one table for all keys of the mappings, and after it the tables of the unions below them. */
const tables = (mappings: readonly InnerMapping[], marks: string): string => {
  const rows = mappings.flatMap(rowsOf);
  const unions = rows
    .map(({ key, fragment }) => innerMappings(key, fragment))
    .filter(({ length }) => length > 1);
  return [keyTable(rows), ...unions.map((union) => alternatives(union, marks))].join('\n');
};

/** Returns a row for each key of a mapping, with its full path. The rows of an inner mapping follow the row of its key. */
const rowsOf = ({ path, mapping }: InnerMapping): Row[] => {
  const shared = sharedMappingOf(mapping);
  return Object.entries(mapping.properties ?? {})
    .filter(([name]) => !shared || shared.varyingKeys.includes(name))
    .flatMap(([name, fragment]) => {
      const key = `${path}.${name}`;
      const inner = innerMappings(key, fragment);
      return [{ key, fragment }, ...(inner.length === 1 ? inner.flatMap(rowsOf) : [])];
    });
};

const keyTable = (rows: readonly Row[]): string => {
  const lines = rows.map(({ key, fragment, defaultText = defaultOf(fragment) }) => [
    `\`${key}\``,
    defaultText,
    allowedOf(key, fragment),
    fragment.description ?? '',
  ]);
  // Forms of a union may have the same key.
  const distinct = [...new Map(lines.map((line) => [line.join('|'), line])).values()];
  return markdownTable([['Key', 'Default', 'Allowed', 'Meaning'], ...distinct]);
};

const defaultOf = ({ default: value }: Fragment): string => (value === undefined ? '' : yamlCode(value));

/** Returns a value as the configuration file writes it. */
const yamlCode = (value: unknown): string =>
  `\`${stringify(value, { collectionStyle: 'flow', lineWidth: 0 }).trimEnd()}\``;

const allowedOf = (key: string, fragment: Fragment): string => {
  const text = allowedText([withoutKeys(fragment)])
    .replaceAll(NAME_RULE, 'a name')
    .replaceAll(/"\S+?"/g, (choice) => yamlCode(JSON.parse(choice)));
  return innerMappings(key, fragment).length > 1 ? `${text}, below` : text;
};

/** Replaces each mapping by a short phrase, because its keys have rows. */
const withoutKeys = (fragment: Fragment): Fragment => {
  const members = unionMembers(fragment).map((member) => {
    if (isMapping(member)) return { title: mappingPhrase(member) };
    const { items, additionalProperties } = member;
    if (items) return { ...member, items: withoutKeys(items) };
    return typeof additionalProperties === 'object'
      ? { ...member, additionalProperties: withoutKeys(additionalProperties) }
      : member;
  });
  return { anyOf: members };
};

const mappingPhrase = (mapping: Fragment): string => {
  const shared = sharedMappingOf(mapping);
  return shared ? `an [${shared.name}](#${shared.name.replaceAll(' ', '-')})` : 'a mapping';
};

/** Returns a table with padded columns, as Markdown formatters write it. The first row is the head. */
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
