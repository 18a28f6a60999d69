import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inFolder, Sortbin } from '../support/sortbin.js';

describe('a command whose output is closed early', () => {
  const endsIn = (code: number, config: string, args: readonly string[]) =>
    inFolder(config, async (folder) => {
      const command = new Sortbin(args, folder);
      command.closeOutput();
      assert.deepEqual([await command.ended(), command.stderr], [code, '']);
    });

  it('ends without an error message', () => endsIn(0, '', ['config', 'schema']));
  it('keeps its exit code', () => endsIn(78, 'bin: { id: "no id" }', ['doctor', '--runtime', 'tflite']));
});
