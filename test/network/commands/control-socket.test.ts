import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { pino } from 'pino';
import { type Clock, SystemClock } from '../../../device/kit/clock.js';
import { done, type Fault, failed } from '../../../device/kit/errors.js';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { ControlError } from '../../../device/network/commands/commands.js';
import { ControlSocket } from '../../../device/network/commands/control-socket.js';
import type { CommandAnswer } from '../../../device/network/commands/registry.js';
import { sendCommand } from '../../../device/network/commands/send-command.js';
import { explainFault } from '../../../device/status/faults/faults.js';
import { until } from '../../support/until.js';

const log = pino({ level: 'silent' });
const clock = new SystemClock();

interface Bench {
  readonly path: string;
  readonly asked: unknown[];
  /** Sends `bytes` on one connection and returns the answer. */
  say(bytes: string): Promise<string>;
}

const withSocket = async (
  use: (bench: Bench) => Promise<void>,
  serverClock: Clock = clock,
): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), 'control-'));
  const path = join(folder, 'control.sock');
  const asked: unknown[] = [];
  // A killed process leaves its socket behind.
  await writeFile(path, '');
  const execute = async (request: unknown): Promise<CommandAnswer> => {
    asked.push(request);
    const isTrigger = typeof request === 'object' && request && 'now' in request;
    return isTrigger ? failed('control-unfit', 'no such trigger') : done('emptied');
  };
  const control = new ControlSocket({ path, commands: { execute }, clock: serverClock, log });
  await control.start(new AbortController().signal);
  try {
    const say = (bytes: string) => {
      const socket = connect(path);
      socket.write(bytes);
      return text(socket);
    };
    await use({ path, asked, say });
  } finally {
    await control.stop();
    await rm(folder, { recursive: true });
  }
};

const EMPTIED = { command: 'emptied', compartment: 'paper' };
const ANSWER = '{"ok":true,"value":"emptied"}\n';

const rejectsAs = (promise: Promise<unknown>, code: string) =>
  assert.rejects(promise, (error) => error instanceof ControlError && error.code === code);

describe('control socket', () => {
  it('passes a request on and answers with the result or the reason', () =>
    withSocket(async ({ path, asked }) => {
      assert.deepEqual(await sendCommand(path, EMPTIED, clock), { ok: true, value: 'emptied' });
      assert.deepEqual(await sendCommand(path, { command: 'trigger', now: true }, clock), {
        ok: false,
        fault: { code: 'control-unfit', message: 'no such trigger' },
      });
      assert.deepEqual(asked, [EMPTIED, { command: 'trigger', now: true }]);
    }));

  it('accepts requests of its owner and its group only', () =>
    withSocket(async ({ path }) => assert.equal((await stat(path)).mode & 0o777, 0o660)));

  it('refuses a line that is too long, and passes text that is not JSON on as no request', () =>
    withSocket(async ({ say, asked }) => {
      for (const bytes of [`${' '.repeat(70_000)}\n`, 'x'.repeat(100_000)]) {
        const answer = JSON.parse(await say(bytes));
        assert.equal(answer.fault.code, 'control-refused');
        assert.match(answer.fault.message, /at most 65536 bytes/);
      }
      assert.deepEqual(asked, []);
      await say('open the gate\n');
      assert.deepEqual(asked, [undefined]);
    }));

  it('executes one request per connection', () =>
    withSocket(async ({ say, asked }) => {
      const line = `${JSON.stringify(EMPTIED)}\n`;
      assert.equal(await say(line + line), ANSWER);
      assert.equal(asked.length, 1);
    }));

  it('answers after eight clients that have left behind a request without an end', () =>
    withSocket(async ({ path, say }) => {
      for (let client = 0; client < 8; client++) {
        const socket = connect(path)
          .on('error', () => {})
          .resume();
        await once(socket, 'connect');
        socket.end('x'.repeat(200_000));
        // The kernel can report a reset, with which `once` would reject.
        await new Promise((resolve) => socket.once('close', resolve));
      }
      assert.equal(await say(`${JSON.stringify(EMPTIED)}\n`), ANSWER);
    }));

  it('answers a client that has closed its side after the request', () =>
    withSocket(async ({ path }) => {
      const socket = connect({ path, allowHalfOpen: true });
      socket.end(`${JSON.stringify(EMPTIED)}\n`);
      assert.equal(await text(socket), ANSWER);
    }));

  it('opens no socket if it is stopped while it starts', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'control-'));
    const path = join(folder, 'control.sock');
    const commands = { execute: async () => done('never') };
    const control = new ControlSocket({ path, commands, clock, log });
    const starting = control.start(new AbortController().signal);
    await control.stop();
    await starting;
    await rejectsAs(sendCommand(path, EMPTIED, clock), 'control-down');
    await rm(folder, { recursive: true });
  });

  it('answers after eight clients that keep their connection open after the answer', () =>
    withSocket(async ({ path, say }) => {
      const clients = Array.from({ length: 8 }, () => connect({ path, allowHalfOpen: true }));
      for (const client of clients) {
        client.on('error', () => {}).write(`${JSON.stringify(EMPTIED)}\n`);
        const [bytes] = await once(client, 'data');
        assert.equal(String(bytes), ANSWER);
      }
      assert.equal(await say(`${JSON.stringify(EMPTIED)}\n`), ANSWER);
      for (const client of clients) client.destroy();
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

  it('is a fault if its path is too long', async () => {
    const faults: (Fault | null)[] = [];
    const folder = await mkdtemp(join(tmpdir(), 'x'.repeat(100)));
    const commands = { execute: async () => done('never') };
    const path = join(folder, 'control.sock');
    const control = new ControlSocket({ path, commands, clock, log });
    control.onHealth((fault) => faults.push(fault));
    await control.start(new AbortController().signal);
    const message = `${path}: the path has more than 107 bytes. The bin accepts no commands from the command line.`;
    assert.deepEqual(faults, [{ code: 'control-socket-not-opened', message }]);
    assert.ok(explainFault('control-socket-not-opened'));
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
