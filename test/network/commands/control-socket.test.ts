import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { pino } from 'pino';
import { SystemClock } from '../../../device/kit/clock.js';
import { done, failed } from '../../../device/kit/errors.js';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { ControlError, type ControlRequest } from '../../../device/network/commands/commands.js';
import { ControlSocket } from '../../../device/network/commands/control-socket.js';
import { sendCommand } from '../../../device/network/commands/send-command.js';
import { until } from '../../support/until.js';

const log = pino({ level: 'silent' });
const clock = new SystemClock();

interface Bench {
  readonly path: string;
  readonly asked: ControlRequest[];
  /** What one connection is answered that says `bytes`. */
  say(bytes: string): Promise<string>;
}

const withSocket = async (use: (bench: Bench) => Promise<void>, serverClock = clock): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), 'control-'));
  const path = join(folder, 'control.sock');
  const asked: ControlRequest[] = [];
  // What a process that was killed leaves.
  await writeFile(path, '');
  const control = await ControlSocket.open({
    path,
    obey: (request) => {
      asked.push(request);
      return request.command === 'trigger' ? failed('control-unfit', 'no such trigger') : done('emptied');
    },
    clock: serverClock,
    log,
  });
  assert.ok(control);
  try {
    const say = (bytes: string) => {
      const socket = connect(path);
      socket.write(bytes);
      return text(socket);
    };
    await use({ path, asked, say });
  } finally {
    await control.close();
    await rm(folder, { recursive: true });
  }
};

const rejectsAs = (promise: Promise<unknown>, code: string) =>
  assert.rejects(promise, (error) => error instanceof ControlError && error.code === code);

describe('control', () => {
  it('does what is asked, and answers with what was done or why not', () =>
    withSocket(async ({ path, asked }) => {
      const emptied = { command: 'emptied', compartment: 'paper' } as const;
      assert.deepEqual(await sendCommand(path, emptied, clock), { ok: true, value: 'emptied' });
      assert.deepEqual(await sendCommand(path, { command: 'trigger' }, clock), {
        ok: false,
        fault: { code: 'control-unfit', message: 'no such trigger' },
      });
      assert.deepEqual(asked, [emptied, { command: 'trigger' }]);
    }));

  it('lets its owner and group ask, nobody else', () =>
    withSocket(async ({ path }) => assert.equal((await stat(path)).mode & 0o777, 0o660)));

  it('refuses what is no request', () =>
    withSocket(async ({ say, asked }) => {
      for (const bytes of [
        'open the gate\n',
        '{"command":"open"}\n',
        '{"command":"emptied"}\n',
        '{"command":"trigger","now":true}\n',
        `{"command":"emptied","compartment":"${'x'.repeat(64)}"}\n`,
        `${' '.repeat(5_000)}\n`,
        'x'.repeat(100_000),
      ]) {
        const answer = JSON.parse(await say(bytes));
        assert.equal(answer.fault.code, 'control-refused', bytes.slice(0, 40));
        assert.match(answer.fault.message, /trigger, emptied/);
      }
      assert.deepEqual(asked, []);
    }));

  it('does one thing a connection', () =>
    withSocket(async ({ say, asked }) => {
      const line = '{"command":"emptied","compartment":"paper"}\n';
      assert.equal(await say(line + line), '{"ok":true,"value":"emptied"}\n');
      assert.equal(asked.length, 1);
    }));

  it('waits for nobody for long', async () => {
    const simulated = new SimulatedClock();
    await withSocket(async ({ path, asked }) => {
      const heard: unknown[] = [];
      const socket = connect(path).on('data', (part) => heard.push(part));
      const closed = new Promise((resolve) => socket.on('error', resolve).on('close', resolve));
      socket.write('{"command":');
      await until('the bin is waiting', () => simulated.waiting > 0);
      await simulated.advance(2_000);
      await closed;
      assert.deepEqual(heard, []);
      assert.deepEqual(asked, []);
    }, simulated);
  });

  it('ends with the bin, whoever is connected', async () => {
    let path = '';
    await withSocket(async (bench) => {
      path = bench.path;
      const socket = connect(path).on('error', () => {});
      await once(socket, 'connect');
    });
    await rejectsAs(sendCommand(path, { command: 'trigger' }, clock), 'control-down');
  });

  it('is done without where its path is too long for a socket', async () => {
    const warned: string[] = [];
    const sink = { write: (line: string) => warned.push(JSON.parse(line).msg) };
    const folder = await mkdtemp(join(tmpdir(), 'x'.repeat(100)));
    const obey = () => done('never');
    const path = join(folder, 'control.sock');
    assert.equal(await ControlSocket.open({ path, obey, clock, log: pino({}, sink) }), null);
    assert.match(warned[0] ?? '', /no commands can be given to this bin/);
    await rm(folder, { recursive: true });
  });

  it('says so where something else answers', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'control-'));
    const path = join(folder, 'control.sock');
    const server = createServer((socket) => socket.end('hello\n')).listen(path);
    await once(server, 'listening');
    await rejectsAs(sendCommand(path, { command: 'trigger' }, clock), 'control-answer');
    server.close();
    await rm(folder, { recursive: true });
  });
});
