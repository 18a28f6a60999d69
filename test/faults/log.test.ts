import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { constants, existsSync, openSync, writeSync } from 'node:fs';
import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { StatusAnswer } from '../../device/daemon/status-answer.js';
import { SystemClock } from '../../device/kit/clock.js';
import { CONTROL_SOCKET } from '../../device/network/commands/commands.js';
import { sendCommand } from '../../device/network/commands/send-command.js';
import { childrenOf, isRunning } from '../support/processes.js';
import { inFolder, Sortbin } from '../support/sortbin.js';
import { Terminal, withoutTerminalRights } from '../support/terminal.js';
import { until } from '../support/until.js';

const MAIN = fileURLToPath(new URL('../../device/tools/cli/main.js', import.meta.url));

/** The line of an item, in both formats. */
const ITEM = /item sorted|-> paper/;

const configuration = (format: string) => `
vision: { driver: simulated, script: [{ label: paper }] }
trigger: { script: [{ afterMs: 50 }] }
gate: { moveMs: 5 }
mqtt: { embedded: { port: 0 } }
log: { format: ${format}, level: trace }
`;

/** Waits until a bin has sorted `count` more items. */
const untilSorted = async (folder: string, count = 5): Promise<void> => {
  const socket = join(folder, 'data', CONTROL_SOCKET);
  const sorted = async (): Promise<number> => {
    const answer = await sendCommand(socket, { command: 'status' }, new SystemClock());
    return answer.ok ? ((answer.value as StatusAnswer).state.counters.outcomes.sorted ?? 0) : 0;
  };
  const before = await sorted();
  while ((await sorted()) < before + count);
};

/** Returns a pipe that is full and that no process reads. */
const fullPipe = async (folder: string) => {
  const path = join(folder, 'pipe');
  await promisify(execFile)('mkfifo', [path]);
  const pipe = await open(path, 'r+');
  const filling = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  assert.throws(() => {
    for (;;) writeSync(filling, 'x');
  }, /EAGAIN/);
  return pipe;
};

const OUTPUTS = {
  'a full disk': () => open('/dev/full', 'w'),
  'a pipe that no process reads': fullPipe,
} as const;

for (const format of ['json', 'pretty'])
  describe(`a bin whose log in the format ${format} cannot be written`, () => {
    for (const [what, openOutput] of Object.entries(OUTPUTS))
      it(`sorts, and stops in time: ${what}`, () =>
        inFolder(configuration(format), async (folder) => {
          const output = await openOutput(folder);
          const bin = new Sortbin(['run'], folder, {}, output.fd);
          await bin.waitForCommands();
          await untilSorted(folder);
          bin.kill('SIGTERM');
          // A stop that takes too long has another exit code.
          assert.deepEqual([await bin.ended(), bin.stderr], [0, '']);
          await output.close();
        }));

    it('sorts, and stops in time: a paused terminal', (t) =>
      inFolder(configuration(format), async (folder) => {
        const terminal = new Terminal(t, `exec '${MAIN}' run`, folder);
        const pid = await terminal.pid();
        await until('an item was sorted', () => ITEM.test(terminal.text), 30_000);
        terminal.pause();
        await untilSorted(folder);
        process.kill(pid, 'SIGTERM');
        assert.equal(await terminal.ended(), 0);
      }));

    it('sorts, stops in time, and leaves no process behind: the paused terminal of another user', (t) =>
      inFolder(configuration(format), async (folder) => {
        const terminal = new Terminal(t, withoutTerminalRights(`'${MAIN}' run`), folder);
        await until('an item was sorted', () => ITEM.test(terminal.text), 30_000);
        const [pid = Number.NaN] = childrenOf(await terminal.pid());
        terminal.pause();
        await untilSorted(folder, 50);
        const children = childrenOf(pid);
        assert.notDeepEqual(children, []);
        process.kill(pid, 'SIGTERM');
        assert.equal(await terminal.ended(), 0);
        assert.deepEqual(children.filter(isRunning), []);
      }));

    it('stops when its terminal is closed', (t) =>
      inFolder(configuration(format), async (folder) => {
        // The shell passes the signal on, like that of a login. It leaves the exit code in a file.
        await writeFile(
          join(folder, 'shell'),
          `'${MAIN}' run & bin=$!; trap "kill -HUP $bin" HUP; wait $bin; wait $bin; echo $? >code.new; mv code.new code`,
        );
        const terminal = new Terminal(t, 'exec sh shell', folder);
        await until('an item was sorted', () => ITEM.test(terminal.text), 30_000);
        terminal.hangUp();
        await until('the bin has ended', () => existsSync(join(folder, 'code')));
        assert.equal(await readFile(join(folder, 'code'), 'utf8'), '0\n');
      }));
  });

describe('a bin whose log is closed', () => {
  it('sorts, and stops in time', () =>
    inFolder(configuration('json'), async (folder) => {
      const bin = new Sortbin(['run'], folder);
      await bin.waitForCommands();
      bin.closeOutput();
      await untilSorted(folder);
      bin.kill('SIGTERM');
      assert.deepEqual([await bin.ended(), bin.stderr], [0, '']);
    }));
});
