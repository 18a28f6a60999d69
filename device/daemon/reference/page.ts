import { z } from 'zod';
import type { Command, CommandName } from '../../kit/command.js';
import { markdownTable } from '../../kit/markdown.js';
import { requestHeadSchema, responseSchemaOf } from '../../network/commands/messages.js';
import { type CommandParts, makeCommands } from '../commands.js';
import { makeUpdateCommands, type UpdateCommandParts } from '../update-commands.js';
import { COMMAND_EXAMPLES } from './command-examples.js';
import { TOPIC_EXAMPLES } from './examples.js';
import { fieldRows, fieldTable, jsonSchemaOf } from './field-table.js';
import { TOPICS } from './topics.js';

/** All commands, to describe them: they have no parts, so that they cannot run. */
export const DESCRIBED_COMMANDS: readonly Command[] = [
  ...makeCommands({} as CommandParts),
  ...makeUpdateCommands({} as UpdateCommandParts),
];

const MAX_WIDTH = 100;
const TRANSACTION = '7f3c';

/** Returns docs/mqtt.md with new generated parts. They are between the marks `generated: NAME` and `end`. */
export const updatePage = (page: string, defaultCommands: readonly string[]): string =>
  page.replace(MARKED, (_, name: string) => {
    const content = PARTS[name];
    if (!content) throw new Error(`docs/mqtt.md: there is no generated part "${name}"`);
    return `<!-- generated: ${name} -->\n\n${content(defaultCommands)}\n<!-- end -->`;
  });

const MARKED = /<!-- generated: (\S+) -->[\s\S]*?<!-- end -->/g;

/** Returns the JSON Schemas of all messages. */
export const messageSchemas = (): object => ({
  schema: 1,
  topics: TOPICS.map(({ topic, isRetained, qos, schema }) => ({
    ...{ topic, retained: isRetained, qos },
    payload: jsonSchemaOf(schema),
  })),
  commands: DESCRIBED_COMMANDS.map(({ name, description, schema, result }) => ({
    ...{ command: name, description },
    request: jsonSchemaOf(schema),
    response: jsonSchemaOf(responseSchemaOf(result)),
  })),
});

const message = (topic: string) => (): string => {
  const entry = TOPICS.find((one) => one.topic === topic);
  return entry ? `${jsonBlock(TOPIC_EXAMPLES[topic])}\n${fieldTable(entry.schema)}` : '';
};

/** The generated parts of the page, by name. */
const PARTS: Readonly<Record<string, (defaultCommands: readonly string[]) => string>> = {
  topics: () =>
    markdownTable([
      ['topic', 'retained', 'QoS', 'payload', 'sent'],
      ...TOPICS.map(({ topic, isRetained, qos, payload, when }) => [
        ...[`\`${topic}\``, isRetained ? 'yes' : 'no', String(qos), payload, when],
      ]),
    ]),
  info: message('info'),
  state: message('state'),
  event: message('event'),
  fault: message('fault/<code>'),
  stats: message('stats'),
  update: message('update'),
  response: message('response/<command>'),
  request: () => fieldTable(requestHeadSchema),
  commands: (defaults) =>
    markdownTable([
      ['command', 'default', 'keys', 'what it does'],
      ...DESCRIBED_COMMANDS.map((command) => {
        const isDefault = defaults.includes(command.name);
        return [`\`${command.name}\``, isDefault ? 'yes' : 'no', keysOf(command), command.description];
      }),
    ]),
  keys: () =>
    markdownTable([
      ['command', 'key', 'type', 'meaning'],
      ...DESCRIBED_COMMANDS.flatMap(({ name, schema }) =>
        fieldRows(schema)
          .filter(([key]) => !key.includes('.'))
          .map((row) => [`\`${name}\``, ...row]),
      ),
    ]),
  examples: () => `\`\`\`text\n${DESCRIBED_COMMANDS.map(exampleLines).join('')}\`\`\`\n`,
  values: () =>
    DESCRIBED_COMMANDS.filter(hasLongValue)
      .map(({ name, result }) => {
        const { value } = COMMAND_EXAMPLES[name as CommandName];
        return `#### ${name}\n\n${jsonBlock(value)}\n${fieldTable(result)}`;
      })
      .join('\n'),
};

const keysOf = ({ schema }: Command): string =>
  fieldRows(schema)
    .filter(([key]) => !key.includes('.'))
    .map(([key, type]) => `${key}${type.endsWith(', optional') ? ', optional' : ''}`)
    .join('; ');

/** A value with keys has a section. */
const hasLongValue = ({ result }: Command): boolean =>
  'properties' in z.toJSONSchema(result, { io: 'input' });

const exampleLines = (command: Command): string => {
  const { name } = command;
  const { keys, value } = COMMAND_EXAMPLES[name as CommandName];
  const request = JSON.stringify({ transaction: TRANSACTION, ...keys });
  const shown = typeof value === 'object' ? '…' : value;
  const response = JSON.stringify({ schema: 1, transaction: TRANSACTION, ok: true, value: shown });
  return `request/${name} ${request}\nresponse/${name} ${response.replace('"…"', '{…}')}\n`;
};

const jsonBlock = (value: unknown): string => `\`\`\`json\n${jsonText(value)}\n\`\`\`\n`;

/** Returns JSON with a line for each object that fits in one. */
const jsonText = (value: unknown, indent = ''): string => {
  const flat = JSON.stringify(value, null, 1)
    .replace(/\n */g, ' ')
    .replace(/\[ | \]/g, (mark) => mark.trim());
  if (
    typeof value !== 'object' ||
    value === null ||
    (indent !== '' && indent.length + flat.length < MAX_WIDTH)
  )
    return flat;
  const inner = `${indent}  `;
  const isArray = Array.isArray(value);
  const lines = Object.entries(value).map(
    ([key, one]) => `${inner}${isArray ? '' : `${JSON.stringify(key)}: `}${jsonText(one, inner)}`,
  );
  const [open, close] = isArray ? '[]' : '{}';
  return `${open}\n${lines.join(',\n')}\n${indent}${close}`;
};
