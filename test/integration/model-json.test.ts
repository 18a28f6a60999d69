import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { join } from 'node:path';
import { it } from 'node:test';
import { CONTROL_SOCKET } from '../../device/network/commands/commands.js';
import { type UpdatingBin, withUpdatingBin } from '../support/update/updating-bin.js';

const ask = ({ folder }: UpdatingBin, command: string): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const socket = connect(join(folder, 'data', CONTROL_SOCKET));
    let text = '';
    socket.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
    socket.on('error', reject).on('end', () => resolve(JSON.parse(text)));
    socket.write(`${JSON.stringify({ command })}\n`);
  });

it('each model command prints with --json one line: the answer of the control socket', (t) =>
  withUpdatingBin(t, { published: ['9.0.0'] }, async (updating) => {
    const { run } = updating;
    const expected: readonly [line: string, code: number, text: RegExp][] = [
      ['check', 0, /is active, and waste12@9\.0\.0 is published$/],
      ['install', 0, /^waste12@9\.0\.0 is active$/],
      ['activate waste12@9.0.0', 0, /^waste12@9\.0\.0 is active already$/],
      ['pin', 0, /^pinned: waste12@9\.0\.0 stays active/],
      ['unpin', 0, /^not pinned$/],
      ['activate waste12@7.0.0', 65, /waste12@7\.0\.0/],
      ['rollback', 0, /^waste12@1\.\d+\.\d+ is active/],
    ];
    for (const [line, code, pattern] of expected) {
      const { text, code: found } = await run('model', ...line.split(' '), '--json');
      assert.deepEqual([found, text.includes('\n')], [code, false], `${line}: ${text}`);
      const { ok, value, fault, ...more } = JSON.parse(text);
      assert.deepEqual([ok, more, fault === undefined], [code === 0, {}, code === 0], line);
      assert.match(fault?.message ?? value, pattern, line);
      if (fault) assert.deepEqual(Object.keys(fault), ['code', 'message'], line);
    }
    for (const [line, command] of [
      ['list', 'model.list'],
      ['trust', 'model.root'],
    ] as const) {
      const printed = JSON.parse((await run('model', line, '--json')).text);
      assert.deepEqual(printed, await ask(updating, command), line);
    }
  }));
