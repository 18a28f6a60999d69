import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { it } from 'node:test';
import { CONTROL_SOCKET } from '../../device/network/commands/commands.js';
import { inFolder, Sortbin } from '../support/sortbin.js';

it('sortbin model install names what it accepts', () =>
  inFolder('', async (folder) => {
    const command = new Sortbin(['model', 'install', 'nowhere'], folder);
    assert.equal(await command.ended(), 64);
    assert.match(
      command.stderr,
      /'nowhere' is invalid.*Use a bundle such as waste12@1\.4\.0, or a folder that exists\./,
    );
  }));

it('sortbin model trust names a file that cannot be read', () =>
  inFolder('', async (folder) => {
    const command = new Sortbin(['model', 'trust', 'nowhere.json'], folder);
    assert.equal(await command.ended(), 66);
    assert.match(command.stderr, /nowhere\.json: cannot be read .* Name the root\.json of a repository\./);
  }));

it('sortbin model install waits on if a bin that is busy does not answer once', () =>
  inFolder('', async (folder) => {
    await mkdir(join(folder, 'data'));
    const status = {
      schema: 1,
      phase: 'idle',
      progress: null,
      current: { name: 'waste12', version: '1.4.0' },
    };
    const task = { name: 'install', isRunning: false, fault: null, message: 'waste12@1.4.0 is active' };
    const answers = ['begun', null, { ...status, task }];
    const bin = createServer((socket) => {
      socket.once('data', () => {
        const value = answers.shift();
        if (value === null) socket.destroy();
        else socket.end(`${JSON.stringify({ ok: true, value })}\n`);
      });
    });
    bin.listen(join(folder, 'data', CONTROL_SOCKET));
    try {
      const command = new Sortbin(['model', 'install'], folder);
      assert.equal(await command.ended(), 0, command.text);
      assert.deepEqual(command.output, ['waste12@1.4.0 is active']);
      assert.deepEqual(answers, []);
    } finally {
      bin.close();
    }
  }));
