import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { Io, ioProgram } from '../../../support/sortbin-io.js';

const run = promisify(execFile);

/** A line that is a file, as sysfs has them: on any Linux, without a GPIO chip. */
const withFiles = async (count: number, test: (io: Io, files: readonly string[]) => Promise<void>) => {
  const folder = await mkdtemp(join(tmpdir(), 'sortbin-io-test-'));
  const files = Array.from({ length: count }, (_, index) => join(folder, `value${index}`));
  // As a dead process may have left it: on.
  for (const file of files) await writeFile(file, '1');
  const io = Io.start();
  try {
    assert.match(await io.line('sortbin-io'), /^sortbin-io 1 \d+\.\d+\.\d+$/);
    await test(io, files);
  } finally {
    io.child.kill('SIGKILL');
    await rm(folder, { recursive: true });
  }
};

const level = (file: string | undefined) => readFileSync(file ?? '', 'utf8');
const MINUTE_US = 60_000_000;

describe('sortbin-io', () => {
  it('drives an output off when it takes it, on for its time, and off by itself', () =>
    withFiles(1, async (io, [file]) => {
      assert.equal(await io.ask(`out gate file ${file} bound=${MINUTE_US}`), 'ok');
      assert.equal(level(file), '0');
      assert.equal(await io.ask('on gate 20000'), 'ok');
      assert.equal(level(file), '1');
      assert.equal(await io.ask('get gate'), 'ok 1');
      assert.match(await io.line('off'), /^off gate time \d+$/);
      assert.equal(level(file), '0');
      assert.equal(await io.ask('get gate'), 'ok 0');
    }));

  it('counts the low level as on where it is told so', () =>
    withFiles(1, async (io, [file]) => {
      assert.equal(await io.ask(`out gate file ${file} low bound=${MINUTE_US}`), 'ok');
      assert.equal(level(file), '1');
      await io.ask(`on gate ${MINUTE_US}`);
      assert.equal(level(file), '0');
      assert.equal(await io.ask('off gate'), 'ok');
      assert.match(await io.line('off'), /^off gate command \d+$/);
      assert.equal(level(file), '1');
    }));

  it('ends what is on at its bound, however long it was asked for', () =>
    withFiles(1, async (io, [file]) => {
      await io.ask(`out gate file ${file} bound=20000`);
      await io.ask(`on gate ${MINUTE_US}`);
      const at = process.hrtime.bigint();
      const [, , reason, endedAt = ''] = (await io.line('off')).split(' ');
      assert.equal(reason, 'bound');
      assert.ok(BigInt(endedAt) <= process.hrtime.bigint() && BigInt(endedAt) >= at - 20_000_000n);
      assert.equal(level(file), '0');
    }));

  it('ends what is on when its lease is not renewed, and not before', () =>
    withFiles(1, async (io, [file]) => {
      await io.ask(`out gate file ${file} bound=${MINUTE_US} lease=200000`);
      assert.equal(await io.ask('on gate'), 'ok');
      const onAt = process.hrtime.bigint();
      // Three leases long, each renewed at its half.
      while (process.hrtime.bigint() - onAt < 600_000_000n) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        assert.equal(await io.ask('renew'), 'ok');
      }
      assert.equal(await io.ask('get gate'), 'ok 1');
      assert.match(await io.line('off'), /^off gate lease \d+$/);
      assert.equal(level(file), '0');
    }));

  it('refuses what its rules forbid', () =>
    withFiles(3, async (io, [one, two, three]) => {
      await io.ask(`out one file ${one} bound=${MINUTE_US} group=coils rest=${MINUTE_US}`);
      await io.ask(`out two file ${two} bound=${MINUTE_US} group=coils`);
      await io.ask(`out three file ${three} bound=${MINUTE_US} guard=lid`);
      assert.equal(await io.ask('on one'), 'error refused it has no lease, so give a time');
      assert.equal(await io.ask(`on one ${MINUTE_US}`), 'ok');
      assert.equal(await io.ask(`on one ${MINUTE_US}`), 'error refused it is on already');
      assert.equal(await io.ask(`on two ${MINUTE_US}`), 'error refused another of its group is on');
      assert.equal(level(two), '0');
      await io.ask('off one');
      assert.equal(await io.ask(`on one ${MINUTE_US}`), 'error refused it rests');
      assert.equal(await io.ask(`on two ${MINUTE_US}`), 'ok');
      // Its guard is not there: what cannot be read counts as a hand in the bin.
      assert.equal(await io.ask(`on three ${MINUTE_US}`), 'error guarded a guard is active');
      assert.equal(await io.ask(`out one file ${three} bound=1`), 'error refused the name is taken');
      assert.match(await io.ask('on four 1'), /^error missing /);
      assert.match(await io.ask(`out four file ${one}.not bound=1`), /^error missing .*No such file/);
      assert.match(await io.ask('in beam chip no-such-chip 3 edges'), /^error missing no-such-chip/);
      assert.equal(await io.ask('duty one 1500 20000'), 'error refused it is no PWM channel');
    }));

  it('takes all outputs off when it is asked to', () =>
    withFiles(2, async (io, [one, two]) => {
      await io.ask(`out one file ${one} bound=${MINUTE_US}`);
      await io.ask(`out two file ${two} bound=${MINUTE_US}`);
      await io.ask(`on one ${MINUTE_US}`);
      await io.ask(`on two ${MINUTE_US}`);
      assert.equal(await io.ask('safe'), 'ok');
      assert.deepEqual([level(one), level(two)], ['0', '0']);
    }));

  const ends: readonly [string, (io: Io) => void, number][] = [
    ['its standard input ends', (io) => io.end(), 0],
    ['SIGTERM comes', (io) => io.child.kill('SIGTERM'), 0],
    ['SIGINT comes', (io) => io.child.kill('SIGINT'), 0],
    ['it reads what is no command', (io) => io.write('7 jump gate\n'), 2],
    ['a line is too long', (io) => io.write('8'.repeat(10_000)), 2],
    ['a command holds a zero byte', (io) => io.write('7 on gate 5\0 6\n'), 2],
  ];
  for (const [what, end, code] of ends) {
    it(`drives all off and exits when ${what}`, () =>
      withFiles(2, async (io, [one, two]) => {
        await io.ask(`out one file ${one} bound=${MINUTE_US}`);
        await io.ask(`out two file ${two} low bound=${MINUTE_US}`);
        await io.ask(`on one ${MINUTE_US}`);
        await io.ask(`on two ${MINUTE_US}`);
        end(io);
        assert.equal(await io.exit(), code);
        assert.deepEqual([level(one), level(two)], ['0', '1']);
      }));
  }

  it('keeps its times when nobody reads what it says', () =>
    withFiles(1, async (io, [file]) => {
      await io.ask(`out gate file ${file} bound=300000`);
      io.child.stdout?.pause();
      io.write(`100 on gate ${MINUTE_US}\n`);
      // Far more than its buffer and the socket's hold; it takes the caller for dead, and drives off.
      for (let id = 101; id < 60_000; id++) io.write(`${id} get no-such-name-that-is-as-long\n`);
      assert.equal(await io.exit(), 2);
      assert.equal(level(file), '0');
    }));

  it('makes the outputs of a file safe without anybody to speak to', () =>
    withFiles(3, async (io, [one, two, three]) => {
      io.end();
      await io.exit();
      const list = `${one}.list`;
      await writeFile(
        list,
        `1 out one file ${one} bound=1000\n2 in beam chip x 1\n3 out two file ${two} low bound=1000\n`,
      );
      await run(ioProgram(), ['--safe', list]);
      assert.deepEqual([level(one), level(two), level(three)], ['0', '1', '1']);
      // One that cannot be had does not keep it from the rest.
      await writeFile(one ?? '', '1');
      await writeFile(list, `1 out gone file ${one}.not bound=1\nnonsense\n3 out one file ${one} bound=1\n`);
      await assert.rejects(
        run(ioProgram(), ['--safe', list]),
        (error: Error & { code?: number; stderr?: string }) => {
          assert.equal(error.code, 1);
          assert.match(error.stderr ?? '', /gone: .*No such file(.|\n)*begins with no number/);
          return true;
        },
      );
      assert.equal(level(one), '0');
    }));
});
