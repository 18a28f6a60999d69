import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { SortbinIoProcess, sortbinIoPath } from '../../../support/hardware/sortbin-io.js';

const run = promisify(execFile);

/** Runs a test with files in place of the value files of sysfs. It works on any Linux, without a GPIO chip. */
const withFiles = async (
  count: number,
  test: (io: SortbinIoProcess, files: readonly string[]) => Promise<void>,
) => {
  const folder = await mkdtemp(join(tmpdir(), 'sortbin-io-test-'));
  const files = Array.from({ length: count }, (_, index) => join(folder, `value${index}`));
  // On, as a crashed process may leave them.
  for (const file of files) await writeFile(file, '1');
  const io = SortbinIoProcess.start();
  try {
    assert.match(await io.nextLine('sortbin-io'), /^sortbin-io 1 \d+\.\d+\.\d+$/);
    await test(io, files);
  } finally {
    io.child.kill('SIGKILL');
    await rm(folder, { recursive: true });
  }
};

const level = (file: string | undefined) => readFileSync(file ?? '', 'utf8');
const MINUTE_US = 60_000_000;

const { SIGKILL, SIGSTOP, SIGCHLD, SIGCONT, SIGURG, SIGWINCH } = constants.signals;
const { SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV } = constants.signals;
const LAST_SIGNAL = 64;
const UNCATCHABLE = new Set<number>([SIGKILL, SIGSTOP]);
const WITHOUT_EFFECT = new Set<number>([SIGCHLD, SIGCONT, SIGURG, SIGWINCH]);
/** The glibc does not let a program block the signals of its threads. The shipped program is linked with musl. */
const RESERVED = new Set<number>(process.env.LINKED_WITH === 'glibc' ? [32, 33] : []);
/** qemu-user takes these signals for faults of the emulator, or uses them itself (32 to 34, 64). */
const NOT_EMULATED = new Set<number>(
  process.env.EMULATED ? [SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, 32, 33, 34, 64] : [],
);

describe('sortbin-io', () => {
  it('turns an output off on request, on for its time, and off after it', () =>
    withFiles(1, async (io, [file]) => {
      assert.equal(await io.send(`out gate file ${file} bound=${MINUTE_US}`), 'ok');
      assert.equal(level(file), '0');
      assert.equal(await io.send('on gate 20000'), 'ok');
      assert.equal(level(file), '1');
      assert.equal(await io.send('get gate'), 'ok 1');
      assert.match(await io.nextLine('off'), /^off gate time \d+$/);
      assert.equal(level(file), '0');
      assert.equal(await io.send('get gate'), 'ok 0');
    }));

  it('treats the low level as on with the option low', () =>
    withFiles(1, async (io, [file]) => {
      assert.equal(await io.send(`out gate file ${file} low bound=${MINUTE_US}`), 'ok');
      assert.equal(level(file), '1');
      await io.send(`on gate ${MINUTE_US}`);
      assert.equal(level(file), '0');
      assert.equal(await io.send('off gate'), 'ok');
      assert.match(await io.nextLine('off'), /^off gate command \d+$/);
      assert.equal(level(file), '1');
    }));

  it('turns an output off at its maximum on-time, even if more time was requested', () =>
    withFiles(1, async (io, [file]) => {
      await io.send(`out gate file ${file} bound=20000`);
      await io.send(`on gate ${MINUTE_US}`);
      const at = process.hrtime.bigint();
      const [, , reason, endedAt = ''] = (await io.nextLine('off')).split(' ');
      assert.equal(reason, 'bound');
      assert.ok(BigInt(endedAt) <= process.hrtime.bigint() && BigInt(endedAt) >= at - 20_000_000n);
      assert.equal(level(file), '0');
    }));

  it('turns an output off when its lease is not renewed, and not before', () =>
    withFiles(1, async (io, [file]) => {
      await io.send(`out gate file ${file} bound=${MINUTE_US} lease=200000`);
      assert.equal(await io.send('on gate'), 'ok');
      const onAt = process.hrtime.bigint();
      // For three leases, with a renewal every 50 ms.
      while (process.hrtime.bigint() - onAt < 600_000_000n) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        assert.equal(await io.send('renew'), 'ok');
      }
      assert.equal(await io.send('get gate'), 'ok 1');
      assert.match(await io.nextLine('off'), /^off gate lease \d+$/);
      assert.equal(level(file), '0');
    }));

  it('refuses commands that its rules forbid', () =>
    withFiles(3, async (io, [one, two, three]) => {
      await io.send(`out one file ${one} bound=${MINUTE_US} group=coils rest=${MINUTE_US}`);
      await io.send(`out two file ${two} bound=${MINUTE_US} group=coils`);
      await io.send(`out three file ${three} bound=${MINUTE_US} guard=lid`);
      assert.equal(await io.send('on one'), 'error refused it has no lease, so give a time');
      assert.equal(await io.send(`on one ${MINUTE_US}`), 'ok');
      assert.equal(await io.send(`on one ${MINUTE_US}`), 'error refused it is on already');
      assert.equal(await io.send(`on two ${MINUTE_US}`), 'error refused another of its group is on');
      assert.equal(level(two), '0');
      await io.send('off one');
      assert.equal(await io.send(`on one ${MINUTE_US}`), 'error refused it rests');
      assert.equal(await io.send(`on two ${MINUTE_US}`), 'ok');
      // Its guard does not exist. A guard that cannot be read counts as active.
      assert.equal(await io.send(`on three ${MINUTE_US}`), 'error guarded a guard is active');
      assert.equal(await io.send(`out one file ${three} bound=1`), 'error refused the name is taken');
      assert.match(await io.send('on four 1'), /^error missing /);
      assert.match(await io.send(`out four file ${one}.not bound=1`), /^error missing .*No such file/);
      assert.match(await io.send('in beam chip no-such-chip 3 edges'), /^error missing no-such-chip/);
      assert.equal(await io.send('duty one 1500 20000'), 'error refused it is no PWM channel');
    }));

  it('turns all outputs off on the command safe', () =>
    withFiles(2, async (io, [one, two]) => {
      await io.send(`out one file ${one} bound=${MINUTE_US}`);
      await io.send(`out two file ${two} bound=${MINUTE_US}`);
      await io.send(`on one ${MINUTE_US}`);
      await io.send(`on two ${MINUTE_US}`);
      assert.equal(await io.send('safe'), 'ok');
      assert.deepEqual([level(one), level(two)], ['0', '0']);
    }));

  const causes: readonly [string, (io: SortbinIoProcess) => void, number][] = [
    ['its standard input is closed', (io) => io.end(), 0],
    ['its standard output is closed', (io) => io.child.stdout?.destroy(), 0],
    ['it receives an unknown command', (io) => io.write('7 jump gate\n'), 2],
    ['a line is too long', (io) => io.write('8'.repeat(10_000)), 2],
    ['a command contains a zero byte', (io) => io.write('7 on gate 5\0 6\n'), 2],
  ];
  for (const [what, end, code] of causes) {
    it(`turns all outputs off and exits when ${what}`, () =>
      withFiles(2, async (io, [one, two]) => {
        await io.send(`out one file ${one} bound=${MINUTE_US}`);
        await io.send(`out two file ${two} low bound=${MINUTE_US}`);
        await io.send(`on one ${MINUTE_US}`);
        await io.send(`on two ${MINUTE_US}`);
        end(io);
        assert.equal(await io.exited(), code);
        assert.deepEqual([level(one), level(two)], ['0', '1']);
      }));
  }

  it('turns all outputs off and exits on each signal that can be caught, except those without an effect', async () => {
    const left = new Set([...UNCATCHABLE, ...WITHOUT_EFFECT, ...RESERVED, ...NOT_EMULATED]);
    for (let signal = 1; signal <= LAST_SIGNAL; signal++) {
      if (left.has(signal)) continue;
      await withFiles(1, async (io, [file]) => {
        await io.send(`out one file ${file} bound=${MINUTE_US}`);
        await io.send(`on one ${MINUTE_US}`);
        process.kill(io.child.pid ?? Number.NaN, signal);
        assert.deepEqual([signal, await io.exited(), level(file)], [signal, 0, '0']);
      });
    }
  });

  it('continues on a signal that has no effect by default', () =>
    withFiles(1, async (io, [file]) => {
      await io.send(`out one file ${file} bound=${MINUTE_US}`);
      await io.send(`on one ${MINUTE_US}`);
      for (const signal of WITHOUT_EFFECT) process.kill(io.child.pid ?? Number.NaN, signal);
      assert.equal(await io.send('get one'), 'ok 1');
    }));

  it('turns its outputs off and exits when its output is not read', () =>
    withFiles(1, async (io, [file]) => {
      await io.send(`out gate file ${file} bound=300000`);
      io.child.stdout?.pause();
      io.write(`100 on gate ${MINUTE_US}\n`);
      // More output than its buffer and the socket can hold. It then treats the caller as gone and turns the output off.
      for (let id = 101; id < 60_000; id++) io.write(`${id} get no-such-name-that-is-as-long\n`);
      assert.equal(await io.exited(), 2);
      assert.equal(level(file), '0');
    }));

  it('turns the outputs of a file off with --safe', () =>
    withFiles(3, async (io, [one, two, three]) => {
      io.end();
      await io.exited();
      const list = `${one}.list`;
      await writeFile(
        list,
        `1 out one file ${one} bound=1000\n2 in beam chip x 1\n3 out two file ${two} low bound=1000\n`,
      );
      await run(sortbinIoPath(), ['--safe', list]);
      assert.deepEqual([level(one), level(two), level(three)], ['0', '1', '1']);
      // An output that is not available does not stop it from turning off the others.
      await writeFile(one ?? '', '1');
      await writeFile(list, `1 out gone file ${one}.not bound=1\nnonsense\n3 out one file ${one} bound=1\n`);
      await assert.rejects(
        run(sortbinIoPath(), ['--safe', list]),
        (error: Error & { code?: number; stderr?: string }) => {
          assert.equal(error.code, 1);
          assert.match(error.stderr ?? '', /gone: .*No such file(.|\n)*begins with no number/);
          return true;
        },
      );
      assert.equal(level(one), '0');
    }));
});
