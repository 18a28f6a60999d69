import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inFolder, Sortbin } from '../support/sortbin.js';

describe('a command whose output is read to its middle', () => {
  const endsIn = (code: number, config: string, args: readonly string[]) =>
    inFolder(config, async (folder) => {
      const command = new Sortbin(args, folder);
      command.closeOutput();
      assert.deepEqual([await command.ended(), command.stderr], [code, '']);
    });

  it('ends without a word', () => endsIn(0, '', ['config', 'schema']));
  it('ends in the code that it would have ended in', () =>
    endsIn(78, 'bin: { id: "no id" }', ['doctor', '--runtime', 'tflite']));
});
