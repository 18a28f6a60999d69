import assert from 'node:assert/strict';
import { it } from 'node:test';
import { type CommandParts, makeCommands } from '../../device/daemon/commands.js';
import { refusedCommands } from '../../device/daemon/update-commands.js';
import { COMMAND_NAMES } from '../../device/kit/command.js';

it('the names of all commands are those that the configuration may allow, and each one has a description', () => {
  const commands = [...makeCommands({} as CommandParts), ...refusedCommands({ code: 'off', message: 'off' })];
  assert.deepEqual(commands.map(({ name }) => name).sort(), [...COMMAND_NAMES].sort());
  for (const { name, description } of commands) assert.match(description, /^[a-z].*[^.]$/, name);
});
