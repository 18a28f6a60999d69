import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { it, type TestContext } from 'node:test';
import { pino } from 'pino';
import { done } from '../../device/kit/errors.js';
import { killProcessGroups } from '../../device/kit/process-group.js';
import { SimulatedClock } from '../../device/kit/simulated-clock.js';
import { SupervisedProcess, type SupervisedProcessOptions } from '../../device/kit/supervised-process.js';
import { isRunning } from '../support/processes.js';
import { until } from '../support/until.js';

/** A shell that is ready when it prints a line. */
class Shell extends SupervisedProcess<string, 'shell-died' | 'shell-late'> {
  constructor(
    readonly clock: SimulatedClock,
    start: () => ChildProcess,
    signal?: AbortSignal,
    options: Partial<SupervisedProcessOptions<'shell-died' | 'shell-late'>> = {},
  ) {
    super({
      name: 'shell',
      spawn: start,
      startMs: 1_000,
      signal,
      faults: { ended: 'shell-died', late: 'shell-late' },
      outputLevel: 'debug',
      clock,
      log: pino({ level: 'silent' }),
      ...options,
    });
    this.child?.stdout?.on('data', (text) => this.settleReady(done(String(text).trim())));
  }

  get messages(): readonly string[] {
    return this.lines;
  }

  close(): Promise<void> {
    this.child?.stdin?.end();
    return this.untilExit(500);
  }

  answer(line: string): void {
    this.child?.stdin?.write(`${line}\n`);
  }

  failWith(message: string): void {
    this.reportFault({ code: 'shell-late', message });
  }
}

const run = (t: TestContext, script: string, signal?: AbortSignal) => {
  const shell = new Shell(new SimulatedClock(), () => spawn('sh', ['-c', script]), signal);
  t.after(() => shell.kill('is not needed any more'));
  return shell;
};

const messageOf = async (shell: Shell) => (await shell.exited).message;

it('reports when the process is ready, and leaves no timer running', async (t) => {
  const shell = run(t, 'echo 1.2; read line');
  assert.deepEqual(await shell.ready, done('1.2'));
  assert.equal(shell.fault, null);
  await shell.close();
  assert.equal(await messageOf(shell), 'shell exited with code 1');
  assert.equal(shell.clock.waiting, 0);
});

it('ends with the first fault that was reported', async (t) => {
  const shell = run(t, 'read line; exit 1');
  shell.failWith('first');
  shell.failWith('second');
  await shell.close();
  const fault = { code: 'shell-late', message: 'first' };
  assert.deepEqual([await shell.ended, await shell.exited, shell.fault], [fault, fault, fault]);
  const killed = run(t, 'read line');
  killed.failWith('hung');
  killed.kill('is not needed any more');
  assert.equal((await killed.ended).message, 'hung');
});

it('states how the process ended, with its last message', async (t) => {
  const shell = run(t, 'echo first >&2; echo last >&2; exit 3');
  const fault = { code: 'shell-died', message: 'shell exited with code 3 (last message: last)' };
  assert.deepEqual(await shell.ended, fault);
  assert.deepEqual(await shell.ready, { ok: false, fault });
  assert.deepEqual(shell.fault, fault);
  assert.equal(await messageOf(run(t, 'kill -9 $$')), 'shell was ended by SIGKILL');
});

it('joins the parts of a message', async (t) => {
  const parts =
    "for part in ERROR ': no' ' camera'; do printf '%s' \"$part\" >&2; sleep 0.02; done; echo >&2; printf end >&2";
  const shell = run(t, `${parts}; exit 3`);
  assert.deepEqual(
    [await messageOf(shell), shell.messages],
    ['shell exited with code 3 (last message: end)', ['ERROR: no camera', 'end']],
  );
});

it('derives the fault from the messages of the process', async (t) => {
  const shell = new Shell(
    new SimulatedClock(),
    () => spawn('sh', ['-c', 'echo no camera >&2; echo help >&2; read line']),
    undefined,
    { toFault: (code, reason, lines) => ({ code, message: [reason, ...lines].join(', ') }) },
  );
  t.after(() => shell.kill('is not needed any more'));
  await until('two messages', () => shell.messages.length === 2);
  shell.kill('froze', 'shell-late');
  const message = 'was killed because it froze, no camera, help';
  assert.deepEqual(await shell.ready, { ok: false, fault: { code: 'shell-late', message } });
});

/** Runs a shell that leads a group, with a background process. Returns the number of that process. */
const runGroup = async (t: TestContext, script: string) => {
  const start = () => spawn('sh', ['-c', `sleep 600 & echo $!; ${script}`], { detached: true });
  const shell = new Shell(new SimulatedClock(), start, undefined, { ownsGroup: true });
  t.after(() => shell.kill('is not needed any more'));
  const ready = await shell.ready;
  assert.ok(ready.ok);
  return { shell, background: Number(ready.value) };
};

it('kills the processes that it has started, if it owns its group', async (t) => {
  const killed = await runGroup(t, 'read line');
  killed.shell.kill('froze');
  await killed.shell.exited;
  await until('the end of the background process', () => !isRunning(killed.background));
});

it('ends the processes that it leaves behind, if it owns its group', async (t) => {
  const { shell, background } = await runGroup(t, 'read line; exit 3');
  await shell.close();
  assert.equal(await messageOf(shell), 'shell exited with code 3');
  await until('the end of the background process', () => !isRunning(background));
});

it('ends its group before an exit of the daemon by force', async (t) => {
  const { shell, background } = await runGroup(t, 'read line');
  killProcessGroups();
  await shell.exited;
  await until('the end of the background process', () => !isRunning(background));
});

it('logs a limited number of messages in 10 s', async (t) => {
  const logged: string[] = [];
  const log = pino({ level: 'debug' }, { write: (line: string) => void logged.push(line) });
  const clock = new SimulatedClock();
  const lines = 'for line in $(seq 30); do echo $line >&2; done';
  const start = () => spawn('sh', ['-c', `${lines}; read line; echo last >&2; read line`]);
  const shell = new Shell(clock, start, undefined, { log });
  t.after(() => shell.kill('is not needed any more'));
  await until('30 messages', () => shell.messages.length === 30);
  assert.equal(logged.length, 20);
  assert.match(logged.at(-1) ?? '', /Further messages are not logged for 10 s/);
  shell.answer('next');
  await until('31 messages', () => shell.messages.length === 31);
  assert.equal(logged.length, 20);
});

it('counts a killed process as ended at once, and kills a stopped one', async (t) => {
  const shell = run(t, 'echo ready; kill -STOP $$; read line');
  await shell.ready;
  shell.kill('sent an invalid line');
  shell.kill('is not needed any more');
  assert.equal(shell.fault?.message, 'shell was killed because it sent an invalid line');
  assert.equal(await messageOf(shell), 'shell was killed because it sent an invalid line');
});

it('kills a process that is not ready at its deadline', async (t) => {
  const shell = run(t, 'read line');
  await shell.clock.advance(999);
  assert.equal(shell.fault, null);
  await shell.clock.advance(100);
  const fault = { code: 'shell-late', message: 'shell was not ready within 1000 ms' };
  assert.deepEqual(await shell.ready, { ok: false, fault });
  assert.equal(await messageOf(shell), 'shell was killed because it was not ready within 1000 ms');
});

it('kills a process whose start is aborted, but not after it was ready', async (t) => {
  const stop = new AbortController();
  const ready = run(t, 'echo ready; read line', stop.signal);
  await ready.ready;
  const starting = run(t, 'read line', stop.signal);
  stop.abort();
  assert.equal(await messageOf(starting), 'shell was killed because it is not needed any more');
  assert.equal(ready.fault, null);
});

it('kills a process that does not exit in time', async (t) => {
  const shell = run(t, 'echo ready; exec sleep 60');
  await shell.ready;
  const closing = shell.close();
  await shell.clock.advance(500);
  await closing;
  assert.equal(await messageOf(shell), 'shell was killed because it did not exit within 500 ms');
});

it('reports a program that cannot be started', async () => {
  const missing = new Shell(new SimulatedClock(), () => spawn('/nowhere/program'));
  assert.match(await messageOf(missing), /^shell did not start \(spawn \/nowhere\/program ENOENT\)$/);
  const refused = new Shell(new SimulatedClock(), () => {
    throw new Error('no memory');
  });
  const answer = await refused.ready;
  assert.equal(!answer.ok && answer.fault.message, 'shell did not start (no memory)');
  assert.equal(refused.pid, undefined);
  assert.equal(refused.clock.waiting, 0);
});
