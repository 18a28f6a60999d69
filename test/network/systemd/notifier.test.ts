import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { pino } from 'pino';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { SystemdNotifier } from '../../../device/network/systemd/systemd.js';
import type { LivenessState } from '../../../device/status/liveness.js';
import { Status } from '../../../device/status/status.js';
import { isRunning } from '../../support/processes.js';
import { until } from '../../support/until.js';

/** Appends its process id and each message to the file NOTIFY_SOCKET. */
const DOUBLE = `#!/bin/sh
echo "sortbin-notify 1 0.0.0"
echo "pid $$" >> "$NOTIFY_SOCKET"
while read -r line; do
  echo "$line" >> "$NOTIFY_SOCKET"
done
`;

const WATCHDOG_MS = 30_000;

const setUp = async (t: TestContext, watchdogMs: number | null = WATCHDOG_MS, program = DOUBLE) => {
  const folder = await mkdtemp(join(tmpdir(), 'sortbin-systemd-'));
  const path = join(folder, 'sortbin-notify');
  const socket = join(folder, 'messages');
  await writeFile(path, program);
  await chmod(path, 0o755);
  await writeFile(socket, '');
  const clock = new SimulatedClock();
  const status = new Status(clock, () => {});
  const liveness: { state: LivenessState } = { state: { ok: true } };
  const warnings: Record<string, unknown>[] = [];
  const log = pino({ level: 'warn' }, { write: (line: string) => void warnings.push(JSON.parse(line)) });
  const notifier = new SystemdNotifier({
    ...{ path, socket, watchdogMs, status, clock, log },
    liveness: { healthy: () => liveness.state },
  });
  t.after(async () => {
    await notifier.stop();
    await rm(folder, { recursive: true });
  });
  const lines = () => readFileSync(socket, 'utf8').split('\n').slice(0, -1);
  const messages = () => lines().filter((line) => !line.startsWith('pid '));
  const pids = () => lines().flatMap((line) => (line.startsWith('pid ') ? [Number(line.slice(4))] : []));
  const untilMessage = (message: string, count = 1) =>
    until(
      () => `${count} times ${message} in ${lines().join('|')}`,
      () => messages().filter((line) => line === message).length >= count,
    );
  return { notifier, clock, status, liveness, warnings, messages, pids, untilMessage };
};

const NO_ITEM = 'STATUS=Cycle: new. No item yet. No faults.';

describe('systemd notifier', () => {
  it('reports that the bin is ready, then signs of life, then the stop', async (t) => {
    const { notifier, clock, messages, untilMessage } = await setUp(t);
    await notifier.start(new AbortController().signal);
    await untilMessage(NO_ITEM);
    await clock.advance(3 * WATCHDOG_MS);
    assert.deepEqual(messages(), [NO_ITEM]);
    notifier.ready();
    await untilMessage('READY=1');
    for (let beat = 1; beat <= 3; beat += 1) {
      await clock.advance(WATCHDOG_MS / 3);
      await untilMessage('WATCHDOG=1', beat);
    }
    notifier.stopping();
    await notifier.stop();
    assert.equal(messages().at(-1), 'STOPPING=1');
    assert.equal(messages().filter((line) => line === 'STOPPING=1').length, 1);
    assert.equal(clock.waiting, 0);
  });

  it('sends READY=1 when its process starts later than the bin is ready', async (t) => {
    const { notifier, untilMessage } = await setUp(t);
    await notifier.start(new AbortController().signal);
    notifier.ready();
    await untilMessage('READY=1');
  });

  it('sends no sign of life while a part makes no progress, and names it', async (t) => {
    const { notifier, clock, liveness, warnings, messages, untilMessage } = await setUp(t);
    await notifier.start(new AbortController().signal);
    notifier.ready();
    await untilMessage('READY=1');
    liveness.state = { ok: false, stalled: [{ part: 'camera', sinceMs: 0, reason: 'hangs' }] };
    await clock.advance(2 * WATCHDOG_MS);
    await untilMessage('STATUS=Cycle: new. No item yet. No faults. No progress: camera.');
    assert.ok(!messages().includes('WATCHDOG=1'));
    assert.equal(warnings.length, 1);
    liveness.state = { ok: true };
    await clock.advance(WATCHDOG_MS / 3);
    await untilMessage('WATCHDOG=1');
  });

  it('sends no sign of life if systemd expects none', async (t) => {
    const { notifier, clock, messages, untilMessage } = await setUp(t, null);
    await notifier.start(new AbortController().signal);
    notifier.ready();
    await untilMessage('READY=1');
    await clock.advance(1e7);
    await notifier.stop();
    assert.ok(!messages().includes('WATCHDOG=1'));
  });

  it('reports the state at most once a second, and only if it has changed', async (t) => {
    const { notifier, clock, status, messages, untilMessage } = await setUp(t, null);
    await notifier.start(new AbortController().signal);
    await untilMessage(NO_ITEM);
    for (const phase of ['idle', 'capturing', 'classifying', 'moving']) {
      status.phase(phase);
      notifier.phase();
    }
    status.setFault('broker', { code: 'connection-refused', message: 'secret text' });
    notifier.health();
    await clock.advance(1_000);
    await untilMessage('STATUS=Cycle: moving. No item yet. Faults: broker (connection-refused).');
    notifier.event();
    await clock.advance(5_000);
    await notifier.stop();
    assert.equal(messages().length, 3);
  });

  it('tells a hold from the service switch', async (t) => {
    const { notifier, clock, status, untilMessage } = await setUp(t, null);
    await notifier.start(new AbortController().signal);
    await untilMessage(NO_ITEM);
    for (const [isHeld, text] of [
      [true, 'A person holds the bin'],
      [false, 'The service switch locks the gate'],
    ] as const) {
      status.locked(true);
      status.held(isHeld);
      notifier.locked();
      await clock.advance(1_000);
      await untilMessage(`STATUS=Cycle: new. ${text}. No item yet. No faults.`);
    }
    await notifier.stop();
  });

  it('starts a process that was killed again, with all that systemd must know', async (t) => {
    const { notifier, clock, warnings, pids, untilMessage } = await setUp(t);
    await notifier.start(new AbortController().signal);
    notifier.ready();
    await untilMessage('READY=1');
    await untilMessage(NO_ITEM);
    process.kill(pids()[0] ?? 0, 'SIGKILL');
    await until('the warning', () => warnings.length === 1);
    await clock.advance(100);
    await untilMessage('READY=1', 2);
    await untilMessage(NO_ITEM, 2);
    assert.equal(pids().length, 2);
    await clock.advance(WATCHDOG_MS / 3);
    await untilMessage('WATCHDOG=1');
  });

  it('tries a program that does not start again, with back-off', async (t) => {
    const { notifier, clock, warnings } = await setUp(t, WATCHDOG_MS, '#!/bin/sh\necho broken >&2\nexit 1\n');
    await notifier.start(new AbortController().signal);
    for (const delayMs of [100, 200, 400]) {
      const restarts = () => warnings.filter((warning) => warning.delayMs === delayMs);
      await until(`a delay of ${delayMs} ms`, () => restarts().length === 1);
      assert.match(String(restarts()[0]?.reason), /broken/);
      await clock.advance(delayMs);
    }
  });

  it('kills a process that does not read its input', async (t) => {
    const { notifier, clock, status, warnings, pids } = await setUp(t, null);
    await notifier.start(new AbortController().signal);
    await until('the process', () => pids().length === 1);
    process.kill(pids()[0] ?? 0, 'SIGSTOP');
    // The pipe holds some 200 kB.
    for (let change = 0; change < 10_000 && warnings.length === 0; change += 1) {
      status.setFault('broker', { code: `code-${change}-${'x'.repeat(400)}`, message: '' });
      notifier.health();
      await clock.advance(1_000);
    }
    assert.match(String(warnings[0]?.reason), /did not read its input/);
    await until('its end', () => !isRunning(pids()[0] ?? 0));
  });
});
