import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { connectAsync } from 'mqtt';
import { inFolder, Sortbin } from '../support/sortbin.js';
import { until } from '../support/until.js';
import { TestRepository } from '../support/update/test-repository.js';

const BIN = `vision: { driver: simulated, script: [{ label: paper }] }
trigger: { driver: command }
mqtt: { embedded: { port: 0 } }
`;
const URL = 'http://127.0.0.1:9';

const inBin = (
  config: string,
  prepare: (folder: string) => void,
  use: (run: (...args: string[]) => Promise<string>, bin: Sortbin) => Promise<void>,
) =>
  inFolder(BIN + config, async (folder) => {
    prepare(folder);
    const bin = new Sortbin(['run'], folder);
    await bin.waitForCommands();
    const run = async (...args: string[]) => {
      const command = new Sortbin(args, folder);
      await command.ended();
      return [...command.output, command.stderr].join('\n');
    };
    await use(run, bin);
  });

/** The folder of the store is a file. */
const spoilStore = (folder: string): void => {
  mkdirSync(join(folder, 'data'));
  writeFileSync(join(folder, 'data/models'), '');
};

describe('a bin whose updates cannot work', () => {
  it('sorts on, and has a fault if a repository is configured', () =>
    inBin(`update: { url: '${URL}' }\n`, spoilStore, async (run, bin) => {
      const reason = /update: off, because its folder cannot be used: .*data\/models/;
      const { url } = await bin.waitForLog(/^broker selected$/);
      const states: string[] = [];
      const client = await connectAsync(String(url), { reconnectPeriod: 0 });
      client.on('message', (_, payload) => states.push(payload.toString()));
      await client.subscribeAsync('sortbin/bin/state');
      await until('the state has the fault', () =>
        /"update-failed":\{"since":"[^"]+","parts":\{"updates":/.test(states.join()),
      );
      await client.endAsync(true);
      assert.match((await run('status')).replace(/\s+/g, ' '), /updates update-failed since/);
      assert.match((await run('model', 'list')).replace(/\s+/g, ' '), reason);
      assert.match((await run('model', 'show', 'waste12@9.0.0')).replace(/\s+/g, ' '), reason);
      assert.equal((await run('trigger')).trim(), 'taken');
    }));

  it('has no fault if nothing is configured, and its commands have the reason', () =>
    inBin('', spoilStore, async (run) => {
      assert.match(await run('status'), /faults +none/);
      assert.match(await run('model', 'pin'), /update: off/);
    }));

  it('has a fault if the root of the configuration cannot be used', () =>
    inBin(
      `update: { url: '${URL}', root: root.json }\n`,
      () => {},
      async (run) => {
        const status = (await run('status')).replace(/\s+/g, ' ');
        assert.match(
          status,
          /updates update-untrusted since [\d: -]+\. update\.root: .*root\.json: cannot be read/,
        );
      },
    ));

  it('does not trust the root of before if the one of the configuration cannot be used', () =>
    inFolder(`${BIN}update: { url: '${URL}', root: root.json }\n`, async (folder) => {
      const root = join(folder, 'root.json');
      const outputOf = async (...args: string[]) => {
        const command = new Sortbin(args, folder);
        await command.ended();
        return command.text.replace(/\s+/g, ' ');
      };
      const withBin = async (work: () => Promise<void>) => {
        const bin = new Sortbin(['run'], folder);
        await bin.waitForCommands();
        await work();
        bin.kill('SIGTERM');
        await bin.ended();
      };
      writeFileSync(root, new TestRepository().rootJson);
      await withBin(async () => {
        assert.match(await outputOf('model', 'trust'), /root version 1/);
        assert.match(await outputOf('model', 'check'), /127\.0\.0\.1:9.*\(ended: 69\)/);
      });
      writeFileSync(root, 'update: {}');
      await withBin(async () => {
        for (const command of ['trust', 'check', 'install'])
          assert.match(
            await outputOf('model', command),
            /update\.root: not a root of trust: not JSON/,
            command,
          );
      });
    }));
});
