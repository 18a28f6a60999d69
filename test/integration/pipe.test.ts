import assert from 'node:assert/strict';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { SAMPLES } from '../support/bin.js';
import { inFolder, MAIN, Sortbin } from '../support/sortbin.js';
import { Terminal } from '../support/terminal.js';
import { until } from '../support/until.js';

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

describe('a command whose output is on a full disk', () => {
  const commands: readonly (readonly [string, ...string[]])[] = [
    ['--help'],
    ['config', 'schema'],
    ['config', 'check'],
    ['model', 'show'],
    ['doctor', '--runtime', 'tflite'],
    ['bench', SAMPLES, '--limit', '1'],
  ];
  for (const args of commands)
    it(`exits with 74 and one line: ${args.slice(0, 2).join(' ')}`, () =>
      inFolder('', async (folder) => {
        const disk = openSync('/dev/full', 'w');
        const command = new Sortbin(args, folder, {}, disk);
        closeSync(disk);
        assert.equal(await command.ended(), 74, command.stderr);
        assert.match(command.stderr, /sortbin: standard output cannot be written: ENOSPC: [^\n]+\n$/);
        assert.doesNotMatch(command.stderr, /\n\s+at /);
      }));
});

describe('a command whose standard error cannot be written', () => {
  const commands: readonly (readonly [code: number, args: readonly string[]])[] = [
    [78, ['run', '--config', '/nowhere']],
    [64, ['events', '--unknown']],
    [0, ['bench', SAMPLES, '--limit', '1']],
  ];
  const outputs = { 'on a full disk': '2>/dev/full', 'closed by its reader': '2> >(true)', closed: '2>&-' };
  for (const [what, redirection] of Object.entries(outputs))
    for (const [code, args] of commands)
      it(`keeps its exit code and its output: ${args[0]}, ${what}`, () =>
        inFolder('', async (folder) => {
          const shell = ['bash', '-c', `sleep 0.2; exec "$0" "$@" ${redirection}`];
          const command = new Sortbin(args, folder, {}, 'pipe', shell);
          assert.equal(await command.ended(), code, command.text);
          if (code === 0) assert.match(command.text, /1 image classified/);
        }));
});

describe('sortbin bench on a terminal that is closed', () => {
  it('exits with 129 and writes a report that is not complete', (t: TestContext) =>
    inFolder('', async (folder) => {
      for (let copy = 0; copy < 400; copy++)
        await cp(join(SAMPLES, 'paper/paper18.jpg'), join(folder, 'images', 'paper', `${copy}.jpg`));
      // The outer shell ends with the terminal, so that the system sends SIGHUP to the others. The inner one remains.
      const script = 'trap : HUP; "$0" bench images --json report.json; echo $? > code';
      const terminal = new Terminal(t, `sh -c '${script}' ${MAIN}; true`, folder);
      await until(
        () => `the progress, but found: ${terminal.text}`,
        () => terminal.text.includes('/400'),
        30_000,
      );
      terminal.hangUp();
      await until('the exit code', () => existsSync(join(folder, 'code')), 30_000);
      await until('the exit code', () => readFileSync(join(folder, 'code'), 'utf8') !== '');
      assert.equal(readFileSync(join(folder, 'code'), 'utf8'), '129\n');
      assert.equal(JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')).complete, false);
    }));
});
