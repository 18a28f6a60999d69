import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { packageRoot } from '../../../device/kit/root.js';
import { NotifySocket } from '../../support/network/notify-socket.js';
import { until } from '../../support/until.js';

const platform = `${process.platform}-${process.arch}`;
const PROGRAM = join(packageRoot(), 'deploy', 'native', platform, 'sortbin-notify');

const openSocket = async (t: TestContext, name: string) => {
  const folder = await mkdtemp(join(tmpdir(), 'sortbin-notify-'));
  const socket = new NotifySocket(name.startsWith('@') ? `${name}${process.pid}` : join(folder, name));
  t.after(async () => {
    socket.close();
    await rm(folder, { recursive: true });
  });
  return socket;
};

/** Starts sortbin-notify. `end` returns its exit code and its outputs. */
const start = (environment: Record<string, string>, ...words: string[]) => {
  const child: ChildProcess = spawn(PROGRAM, words, { env: environment, stdio: 'pipe' });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
    });
  child.stdin?.on('error', () => {});
  const closed = once(child, 'close');
  const end = async (text = '') => {
    child.stdin?.end(text);
    const [code] = await closed;
    return { code, ...output };
  };
  return { child, end };
};

describe('sortbin-notify', () => {
  for (const name of ['notify', '@sortbin-notify-test-'])
    it(`sends each line as a datagram to ${name}, and ends at the end of its input`, async (t) => {
      const socket = await openSocket(t, name);
      const { child, end } = start({ NOTIFY_SOCKET: socket.name });
      child.stdin?.write('READY=1\nSTATUS=Cycle: idle. é\nWATCHDOG=1\n');
      await until('three datagrams', () => socket.received().length === 3);
      const ended = end('STOPPING=1\n');
      await until('the barrier', () => socket.received().includes('BARRIER=1'));
      const expected = ['READY=1', 'STATUS=Cycle: idle. é', 'WATCHDOG=1', 'STOPPING=1', 'BARRIER=1'];
      assert.deepEqual(socket.received(), expected);
      assert.deepEqual(await ended, { code: 0, stdout: 'sortbin-notify 1 1.0.0\n', stderr: '' });
    });

  it('ends if systemd does not handle the last message', async (t) => {
    const socket = await openSocket(t, 'notify');
    assert.equal((await start({ NOTIFY_SOCKET: socket.name }).end('STOPPING=1\n')).code, 0);
  });

  it('sends no part of a line whose writer was killed', async (t) => {
    const socket = await openSocket(t, 'notify');
    assert.equal((await start({ NOTIFY_SOCKET: socket.name }).end('STATUS=half')).code, 0);
    assert.deepEqual(socket.received(), ['BARRIER=1']);
  });

  it('refuses other lines, and lines that are too long', async (t) => {
    const socket = await openSocket(t, 'notify');
    const refused = async (text: string) => {
      const { code, stderr } = await start({ NOTIFY_SOCKET: socket.name }).end(text);
      assert.equal(code, 2);
      return stderr;
    };
    assert.match(await refused('MAINPID=1\n'), /^sortbin-notify: MAINPID=1: is not READY=1, /);
    assert.match(await refused('READY=1 \n'), /is not READY=1/);
    assert.match(await refused(`STATUS=${'x'.repeat(506)}\n`), /more than 512 bytes/);
    assert.match(await refused('STATUS=a\0b\n'), /zero byte/);
    assert.deepEqual(socket.received(), []);
    assert.equal((await start({ NOTIFY_SOCKET: socket.name }).end(`STATUS=${'x'.repeat(505)}\n`)).code, 0);
  });

  it('names a socket that it cannot use', async () => {
    const messageFor = async (environment: Record<string, string>) => {
      const { code, stderr } = await start(environment).end();
      assert.equal(code, 1);
      return stderr;
    };
    assert.match(await messageFor({}), /NOTIFY_SOCKET: is not set/);
    assert.match(await messageFor({ NOTIFY_SOCKET: 'vsock:2:1' }), /absolute path/);
    assert.match(await messageFor({ NOTIFY_SOCKET: `/${'x'.repeat(200)}` }), /longer than 107 bytes/);
    assert.match(await messageFor({ NOTIFY_SOCKET: '/nowhere/notify' }), /\/nowhere\/notify: No such file/);
  });

  it('prints its version, and refuses other arguments', async () => {
    assert.deepEqual(await start({}, '--version').end(), { code: 0, stdout: '1.0.0\n', stderr: '' });
    assert.equal((await start({}, '--help').end()).code, 2);
  });
});
