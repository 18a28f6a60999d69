import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { z } from 'zod';
import { parseConfig } from '../../device/config/load.js';
import { type CommandParts, makeCommands } from '../../device/daemon/commands.js';
import { makeUpdateCommands, type UpdateCommandParts } from '../../device/daemon/update-commands.js';
import type { Command } from '../../device/kit/command.js';
import { packageRoot } from '../../device/kit/root.js';

const page = readFileSync(join(packageRoot(), 'docs/mqtt.md'), 'utf8');
const commands = [...makeCommands({} as CommandParts), ...makeUpdateCommands({} as UpdateCommandParts)];

/** Returns the keys of a command as the page writes them. */
const keysOf = ({ schema }: Command): string => {
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { unrepresentable: 'any' });
  return Object.keys(properties)
    .map((key) => `\`${key}\`${required.includes(key) ? '' : ', optional'}`)
    .join('; ');
};

describe('docs/mqtt.md', () => {
  it('has each command with its keys, its permission and its description', () => {
    const rows = [...page.matchAll(/^\| `([a-z.-]+)` +\| (yes|no) +\| (.*?) +\| (.*?) +\|$/gm)].map((row) =>
      row.slice(1).map((cell) => cell.trim()),
    );
    const { commands: allowed } = parseConfig('', 'test').mqtt;
    const expected = commands.map((command) => [
      command.name,
      allowed.some((name) => name === command.name) ? 'yes' : 'no',
      keysOf(command),
      command.description,
    ]);
    assert.deepEqual(rows, expected);
  });

  it('allows no command by default that moves something', () => {
    const { commands: allowed } = parseConfig('', 'test').mqtt;
    const moving = commands.filter(({ actuates }) => actuates).map(({ name }) => name);
    assert.ok(moving.length > 0);
    for (const name of moving) assert.ok(!allowed.some((one) => one === name), name);
  });
});
