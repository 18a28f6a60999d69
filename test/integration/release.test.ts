import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { writeFakeBundle } from '../support/fake-bundle.js';
import { inFolder, MAIN, Sortbin } from '../support/sortbin.js';
import { Terminal } from '../support/terminal.js';
import { until } from '../support/until.js';
import { TufClient } from '../tools/release/tuf-client.js';

const PASSPHRASE = 'correct horse battery';
const ROOT = 'repository/metadata/1.root.json';

/** Runs `sortbin release` with the arguments of a line. */
const release = async (folder: string, line: string, environment: Readonly<Record<string, string>> = {}) => {
  const command = new Sortbin(['release', ...line.split(' ')], folder, environment);
  const code = await command.ended();
  return { code, output: command.output.join('\n'), stderr: command.stderr };
};

/** Runs `sortbin release`, which must succeed, and returns its output. */
const releaseOk = async (folder: string, line: string): Promise<string> => {
  const { code, output, stderr } = await release(folder, line, {
    SORTBIN_RELEASE_PASSPHRASE_FILE: join(folder, 'passphrase'),
  });
  assert.deepEqual([code, stderr], [0, ''], line);
  return output;
};

const moveKeys = (folder: string, to: string, names: RegExp): void => {
  mkdirSync(join(folder, to));
  for (const name of readdirSync(join(folder, 'keys')).filter((one) => names.test(one)))
    renameSync(join(folder, 'keys', name), join(folder, to, name));
};

describe('sortbin release', () => {
  it('makes, maintains and serves a repository over its whole life', () =>
    inFolder('', async (folder) => {
      writeFileSync(join(folder, 'passphrase'), `${PASSPHRASE}\n`);
      const init = await releaseOk(folder, 'init repository --keys keys --online-without-passphrase --yes');
      assert.match(init, /The keys of its root, of which 2 must sign:\n( {2}[0-9a-f]{64}\n){3}/);
      assert.match(init, /keys\/timestamp-[0-9a-f]{8}\.key\.json: on the machine of the scheduled job/);
      moveKeys(folder, 'online', /^(snapshot|timestamp|rollouts)-/);

      const serve = new Sortbin(['release', 'serve', 'repository', '--port', '0'], folder);
      await until('the server prints its address', () => /^update: /m.test(serve.text), 60_000);
      const [, url = ''] = /^update: \{ url: "(.*)", root: "\/.*\/1\.root\.json" \}$/m.exec(serve.text) ?? [];
      const client = new TufClient(join(folder, 'client'), join(folder, ROOT), url);
      await client.refresh();

      const keys = '--keys keys --keys online --yes';
      writeFakeBundle(join(folder, 'one'));
      writeFakeBundle(join(folder, 'two'), { version: '1.1.0', model: 'better' });
      assert.match(await releaseOk(folder, `add repository one ${keys}`), /fake@1\.0\.0 added\.$/);
      const added = JSON.parse(await releaseOk(folder, `add repository two ${keys} --json`));
      assert.deepEqual([added.schema, added.version, added.files.length], [1, '1.1.0', 6]);
      assert.equal(await client.download('fake/1.1.0/model_int8.tflite'), 'better');

      assert.equal(await releaseOk(folder, 'timestamp repository --keys online'), '');
      await releaseOk(folder, `rotate repository timestamp ${keys} --online-without-passphrase`);
      await releaseOk(folder, `revoke repository fake 1.1.0 --reason wrong ${keys}`);
      await releaseOk(folder, 'rollout repository fake --halt --keys online --keys keys --yes');
      const rollout = JSON.parse(await client.download('rollouts/fake.json'));
      assert.deepEqual(rollout, { schema: 1, halted: true, percent: 100, version: '1.0.0' });
      assert.equal(client.version('root'), 2);
      await releaseOk(folder, `revoke repository fake 1.1.0 --undo ${keys}`);
      assert.match(await releaseOk(folder, `sign repository ${keys}`), /^Nothing was signed\.$/);

      assert.match(
        await releaseOk(folder, `verify ${url} --root ${ROOT}`),
        /✓ files +13, \d+ bytes, all as signed/,
      );
      const warned = await release(folder, `verify repository --root ${ROOT} --warn-days 8 --json`);
      assert.equal(warned.code, 69);
      assert.match(warned.stderr, /repository: timestamp will expire soon\. Run "sortbin release sign"/);
      assert.equal(JSON.parse(warned.output).roles[3].isExpiring, true);
      serve.kill('SIGTERM');
      await serve.ended();
      const down = await release(folder, `verify ${url} --root ${ROOT}`);
      assert.deepEqual(
        [down.code, /^sortbin: http.*ECONNREFUSED/.test(down.stderr)],
        [69, true],
        down.stderr,
      );
    }));

  it('has an exit code and an explanation for each refusal, and changes nothing', () =>
    inFolder('', async (folder) => {
      writeFileSync(join(folder, 'passphrase'), `${PASSPHRASE}\n`);
      writeFileSync(join(folder, 'wrong'), 'a wrong passphrase\n');
      writeFileSync(join(folder, 'short'), 'short\n');
      writeFakeBundle(join(folder, 'bundle'));
      await releaseOk(folder, 'init repository --keys keys --online-without-passphrase --yes');
      const before = readFileSync(join(folder, 'repository/metadata/timestamp.json'), 'utf8');
      const file = '--passphrase-file wrong';
      const refused: readonly [line: string, code: number, message: RegExp][] = [
        ['init repository --keys more --yes', 73, /repository: contains a repository already/],
        ['init other --keys keys --yes', 73, /keys: contains key files already/],
        ['init other --keys other-keys --passphrase-file short --yes', 66, /Use at least 10 characters/],
        ['init other --keys other-keys --yes', 66, /a passphrase is needed\. Use --passphrase-file/],
        ['add nowhere bundle --keys keys --yes', 66, /nowhere: not a repository.*release init/],
        ['add repository nowhere --keys keys --yes', 65, /bundle nowhere: no such folder/],
        [
          'add repository bundle --keys keys',
          66,
          /no terminal to ask on\. Run it on a terminal, or use --yes/,
        ],
        [`add repository bundle --keys keys ${file} --yes`, 66, /targets-.*: wrong passphrase/],
        [
          'add repository bundle --keys keys --passphrase-file none --yes',
          66,
          /none: the passphrase cannot be read/,
        ],
        ['add repository bundle --yes', 64, /required option '--keys <folder>'/],
        ['timestamp repository --keys none', 66, /--keys none: cannot be read/],
        ['revoke repository fake 1.0.0 --keys keys', 64, /use --reason TEXT, or --undo/],
        ['rollout repository fake --keys keys', 64, /use --halt, --resume, --percent or --version/],
        ['rollout repository fake --keys keys --percent 101', 64, /Use a whole number from 0 to 100/],
        [
          'rotate repository targets --keys keys --online-without-passphrase',
          64,
          /is for snapshot, timestamp, /,
        ],
        ['verify repository --root none', 66, /--root none: cannot be read/],
        ['serve bundle', 66, /bundle: not a repository/],
      ];
      for (const [line, code, message] of refused) {
        const found = await release(folder, line);
        assert.equal(found.code, code, `${line}: ${found.stderr}`);
        assert.match(found.stderr, message, line);
        assert.doesNotMatch(found.stderr, /\n {4}at /, line);
        assert.doesNotMatch(found.stderr, /horse|a wrong passphrase/, line);
      }
      assert.equal(readFileSync(join(folder, 'repository/metadata/timestamp.json'), 'utf8'), before);
    }));

  it('asks on a terminal for passphrases, which it does not show, and before each change', (t) =>
    inFolder('', async (folder) => {
      const init = new Terminal(
        t,
        `${MAIN} release init repository --keys keys --online-without-passphrase`,
        folder,
      );
      await init.type(/Continue\? \(y\/n\) \[y\]: $/, '\r');
      await init.type(/New passphrase for the offline keys: $/, 'short\r');
      await init.type(/at least 10 characters.\s+New passphrase for the offline keys: $/, `${PASSPHRASE}\r`);
      await init.type(/The same again: $/, `${PASSPHRASE}\r`);
      assert.equal(await init.ended(), 0, init.text);
      writeFakeBundle(join(folder, 'bundle'));
      const add = `${MAIN} release add repository bundle --keys keys`;
      const refused = new Terminal(t, add, folder);
      await refused.type(/Copy 6 files of fake@1\.0\.0.*Continue\? \(y\/n\) \[y\]: $/s, 'n\r');
      assert.equal(await refused.ended(), 0, refused.text);
      assert.match(refused.text, /Nothing was changed\./);
      const stopped = new Terminal(t, add, folder);
      await stopped.type(/Continue\? \(y\/n\) \[y\]: $/, '\r');
      await stopped.type(/Passphrase of keys\/targets-.*: $/, '\u0003');
      assert.equal(await stopped.ended(), 130, stopped.text);
      assert.match(stopped.text, /interrupted\. The repository is unchanged\./);
      const added = new Terminal(t, add, folder);
      await added.type(/Continue\? \(y\/n\) \[y\]: $/, '\r');
      await added.type(/Passphrase of keys\/targets-.*: $/, 'wrong\r');
      await added.type(/Wrong passphrase\. Passphrase of keys\/targets-.*: $/, `${PASSPHRASE}\r`);
      assert.equal(await added.ended(), 0, added.text);
      assert.match(added.text, /fake@1\.0\.0 added\./);
      for (const terminal of [init, refused, stopped, added]) assert.doesNotMatch(terminal.text, /horse/);
    }));
});
