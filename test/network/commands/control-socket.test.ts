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
  /** Sends `bytes` on one connection and returns the answer. */
  say(bytes: string): Promise<string>;
}

const withSocket = async (use: (bench: Bench) => Promise<void>, serverClock = clock): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), 'control-'));
  const path = join(folder, 'control.sock');
  const asked: ControlRequest[] = [];
  // A killed process leaves its socket behind.
  await writeFile(path, '');
  const control = await ControlSocket.open({
    path,
    handle: (request) => {
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

describe('control socket', () => {
  it('executes a request and answers with the result or the reason', () =>
    withSocket(async ({ path, asked }) => {
      const emptied = { command: 'emptied', compartment: 'paper' } as const;
      assert.deepEqual(await sendCommand(path, emptied, clock), { ok: true, value: 'emptied' });
      assert.deepEqual(await sendCommand(path, { command: 'trigger' }, clock), {
        ok: false,
        fault: { code: 'control-unfit', message: 'no such trigger' },
      });
      assert.deepEqual(asked, [emptied, { command: 'trigger' }]);
    }));

  it('accepts requests of its owner and its group only', () =>
    withSocket(async ({ path }) => assert.equal((await stat(path)).mode & 0o777, 0o660)));

  it('refuses an invalid request', () =>
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

  it('executes one request per connection', () =>
    withSocket(async ({ say, asked }) => {
      const line = '{"command":"emptied","compartment":"paper"}\n';
      assert.equal(await say(line + line), '{"ok":true,"value":"emptied"}\n');
      assert.equal(asked.length, 1);
    }));

  it('closes a connection that sends no request in time', async () => {
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

  it('closes all connections when the bin stops', async () => {
    let path = '';
    await withSocket(async (bench) => {
      path = bench.path;
      const socket = connect(path).on('error', () => {});
      await once(socket, 'connect');
    });
    await rejectsAs(sendCommand(path, { command: 'trigger' }, clock), 'control-down');
  });

  it('opens no socket if its path is too long', async () => {
    const warned: string[] = [];
    const sink = { write: (line: string) => warned.push(JSON.parse(line).msg) };
    const folder = await mkdtemp(join(tmpdir(), 'x'.repeat(100)));
    const handle = () => done('never');
    const path = join(folder, 'control.sock');
    assert.equal(await ControlSocket.open({ path, handle, clock, log: pino({}, sink) }), null);
    assert.match(warned[0] ?? '', /the bin accepts no commands: the path has more than 107 bytes/);
    await rm(folder, { recursive: true });
  });

  it('reports an answer of another program', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'control-'));
    const path = join(folder, 'control.sock');
    const server = createServer((socket) => socket.end('hello\n')).listen(path);
    await once(server, 'listening');
    await rejectsAs(sendCommand(path, { command: 'trigger' }, clock), 'control-answer');
    server.close();
    await rm(folder, { recursive: true });
  });
});
