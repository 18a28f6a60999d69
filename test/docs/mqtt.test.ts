import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parseConfig } from '../../device/config/load.js';
import { eventSchema } from '../../device/cycle/event.js';
import { COMMAND_EXAMPLES } from '../../device/daemon/reference/command-examples.js';
import { TOPIC_EXAMPLES } from '../../device/daemon/reference/examples.js';
import { fieldRows } from '../../device/daemon/reference/field-table.js';
import { DESCRIBED_COMMANDS, messageSchemas, updatePage } from '../../device/daemon/reference/page.js';
import { TOPICS } from '../../device/daemon/reference/topics.js';
import { COMMAND_NAMES } from '../../device/kit/command.js';
import { packageRoot } from '../../device/kit/root.js';
import { faultMessageSchema, raisedMessage } from '../../device/status/fault-message.js';
import { MODES } from '../../device/status/mode.js';

const page = readFileSync(join(packageRoot(), 'docs/mqtt.md'), 'utf8');
const { commands: allowed } = parseConfig('', 'test').mqtt;

/** The names in the rows of the table after a heading. */
const namesIn = (heading: string): string[] => {
  const [, section = ''] = page.split(`\n### ${heading}\n`);
  const [table = ''] = section.split('\n#');
  return [...table.matchAll(/^\| `([a-z-]+)` +\| [A-Z]/gm)].map(([, name = '']) => name);
};

describe('docs/mqtt.md', () => {
  it('has the tables and the examples of the schemas', () => {
    const update = 'update it: npx sortbin topics --reference docs/mqtt.md';
    assert.equal(page, updatePage(page, allowed), update);
    const marks = [...page.matchAll(/<!-- generated: (\S+) -->/g)].map(([, name]) => name);
    assert.deepEqual(marks, [
      ...['topics', 'event', 'state', 'fault', 'stats', 'info', 'update', 'commands', 'request', 'keys'],
      ...['response', 'examples', 'values'],
    ]);
  });

  it('refuses a mark of a part that does not exist', () => {
    assert.throws(
      () => updatePage('<!-- generated: wrong -->\n<!-- end -->', []),
      /no generated part "wrong"/,
    );
  });

  it('explains each key of each message and command', () => {
    const schemas = [
      ...TOPICS.map(({ schema }) => schema),
      ...DESCRIBED_COMMANDS.map(({ result }) => result),
    ];
    const rows = schemas.flatMap(fieldRows);
    assert.ok(rows.length > 200);
    assert.deepEqual(
      rows.filter(([, type, meaning]) => meaning === '' || type === 'any value'),
      [['`value`', 'any value', 'Only if `ok`: what the command returns']],
    );
  });

  it('names all modes and outcomes', () => {
    assert.deepEqual(namesIn('Modes'), [...MODES]);
    assert.deepEqual(namesIn('Outcomes').sort(), [...eventSchema.shape.outcome.options].sort());
  });

  it('allows no command by default that moves something', () => {
    const moving = DESCRIBED_COMMANDS.filter(({ actuates }) => actuates).map(({ name }) => name);
    assert.ok(moving.length > 0);
    for (const name of moving) assert.ok(!allowed.some((one) => one === name), name);
  });
});

describe('the examples of docs/mqtt.md', () => {
  for (const { topic, schema } of TOPICS)
    it(`${topic}: fits its schema, without other keys`, () => {
      assert.deepEqual(schema.parse(TOPIC_EXAMPLES[topic]), TOPIC_EXAMPLES[topic]);
    });

  it('of a fault has the text of the table of faults', () => {
    const example = faultMessageSchema.parse(TOPIC_EXAMPLES['fault/<code>']);
    assert.deepEqual(example, raisedMessage(example.code, example));
  });

  it('of the commands fit their schemas, and none is missing', () => {
    assert.deepEqual(Object.keys(COMMAND_EXAMPLES).sort(), [...COMMAND_NAMES].sort());
    for (const { name, schema, result } of DESCRIBED_COMMANDS) {
      const { keys, value } = COMMAND_EXAMPLES[name as keyof typeof COMMAND_EXAMPLES];
      assert.deepEqual(schema.parse(keys), keys, name);
      assert.deepEqual(result.parse(value), value, name);
    }
  });
});

describe('the JSON Schemas of the messages', () => {
  it('describe each topic and each command, and allow further keys', () => {
    const { topics, commands } = messageSchemas() as Record<'topics' | 'commands', object[]>;
    assert.equal(topics.length, TOPICS.length);
    assert.equal(commands.length, COMMAND_NAMES.length);
    assert.doesNotMatch(JSON.stringify(topics), /"additionalProperties":false/);
  });
});
