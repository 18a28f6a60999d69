import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync, truncateSync } from 'node:fs';
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { temporaryFolder } from '../../support/bundle-copy.js';
import { Terminal, withoutTerminalRights } from '../../support/terminal.js';
import { until } from '../../support/until.js';

/** Many times more than the lines that wait. */
const LINES = 30_000;
const FILE_LIMIT = 1 << 18;

/** Logs, creates the file `written`, and exits when the log is written. */
const PROGRAM = `
import { writeFileSync } from 'node:fs';
const { openLog } = await import(${JSON.stringify(new URL('../../../device/tools/cli/log.js', import.meta.url))});
const log = await openLog({ level: 'info', format: process.argv[2] });
for (let i = 0; i < ${LINES}; i++) log.info({ text: 'x'.repeat(200) }, 'a line of the test');
writeFileSync('written', '');
log.flush(() => process.exit(0));
`;

/** Returns a folder with the program. */
const makeFolder = async (t: TestContext) => {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, 'program.mjs'), PROGRAM);
  return folder;
};

const untilWritten = (folder: string) =>
  until('the program has logged', () => existsSync(join(folder, 'written')), 30_000);

/** Checks that each line is in the log or in the count of dropped lines, which is its last line. */
const checkLines = (text: string) => {
  const lines = text.trimEnd().split('\n');
  const last = lines.at(-1) ?? '';
  const [, dropped] =
    /"lines":(\d+)/.exec(last) ?? /the log could not be written: (\d+) lines dropped/.exec(last) ?? [];
  assert.ok(Number(dropped) > LINES / 2, last);
  assert.equal(lines.filter((line) => line.includes('a line of the test')).length + Number(dropped), LINES);
};

/** Logs a text with control characters, in a message, a field and an error. */
const HOSTILE_PROGRAM = `
const { openLog } = await import(${JSON.stringify(new URL('../../../device/tools/cli/log.js', import.meta.url))});
const log = await openLog({ level: 'info', format: process.argv[2] });
const text = 'a\\u001b[2J\\u009b\\u202eb';
log.info({ text, err: new Error(text) }, text);
log.flush(() => process.exit(0));
`;

for (const format of ['json', 'pretty'])
  it(`a log in the format ${format} contains no control characters of its texts`, async (t: TestContext) => {
    const folder = await temporaryFolder(t);
    await writeFile(join(folder, 'program.mjs'), HOSTILE_PROGRAM);
    const { stdout } = await promisify(execFile)(process.execPath, ['program.mjs', format], { cwd: folder });
    assert.match(
      stdout,
      format === 'json' ? /"msg":"a\\u001b\[2J\\u009b\\u202eb"/ : / a\ufffd\[2J\ufffd\ufffdb/,
    );
    assert.match(stdout, /at file:/);
    assert.doesNotMatch(stdout.replaceAll('\n', ''), /[\p{Cc}\p{Bidi_C}]/u);
  });

for (const format of ['json', 'pretty'])
  describe(`a log in the format ${format} that cannot be written`, () => {
    it('drops lines while a pipe is not read, and reports their number afterwards', async (t: TestContext) => {
      const folder = await makeFolder(t);
      const child = spawn(process.execPath, ['program.mjs', format], {
        cwd: folder,
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      child.stdout.pause();
      await untilWritten(folder);
      const chunks: Buffer[] = [];
      child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk)).resume();
      assert.deepEqual(await once(child, 'close'), [0, null]);
      checkLines(Buffer.concat(chunks).toString());
    });

    const program = `'${process.execPath}' program.mjs ${format}`;
    const terminals = {
      'a terminal': `exec ${program}`,
      'the terminal of another user': withoutTerminalRights(program),
    };
    for (const [what, command] of Object.entries(terminals))
      it(`drops lines while ${what} is paused, and reports their number afterwards`, async (t: TestContext) => {
        const folder = await makeFolder(t);
        const terminal = new Terminal(t, `read go && { ${command}; }`, folder);
        terminal.pause();
        terminal.enter();
        await untilWritten(folder);
        terminal.resume();
        assert.equal(await terminal.ended(), 0);
        checkLines(terminal.text);
      });

    it('drops lines while a file cannot grow, and reports their number afterwards', async (t: TestContext) => {
      const folder = await makeFolder(t);
      const log = await open(join(folder, 'log'), 'a');
      const child = spawn('prlimit', [`--fsize=${FILE_LIMIT}`, process.execPath, 'program.mjs', format], {
        cwd: folder,
        stdio: ['ignore', log.fd, 'inherit'],
      });
      const exited = once(child, 'exit');
      await untilWritten(folder);
      let text = '';
      while (child.exitCode === null) {
        await until(
          'the file is full',
          () => child.exitCode !== null || statSync(join(folder, 'log')).size === FILE_LIMIT,
        );
        text += readFileSync(join(folder, 'log'), 'utf8');
        truncateSync(join(folder, 'log'));
      }
      assert.deepEqual(await exited, [0, null]);
      checkLines(text);
      await log.close();
    });
  });
