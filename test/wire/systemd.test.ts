import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pino } from 'pino';
import { SimulatedClock } from '../../device/kit/simulated-clock.js';
import { Liveness } from '../../device/status/liveness.js';
import { Status } from '../../device/status/status.js';
import { wireSystemd } from '../../device/wire/systemd.js';
import { NotifySocket } from '../support/network/notify-socket.js';
import { until } from '../support/until.js';

const clock = new SimulatedClock();
const liveness = new Liveness({ eventLoopMs: 10_000, partMs: { camera: 1, journal: 1, vision: 1 } }, clock);
const parts = { status: new Status(clock, () => {}), liveness, clock, log: pino({ level: 'silent' }) };

/** Returns what systemd receives in a minute from a bin that is ready. */
const messagesWith = async (environment: Record<string, string>) => {
  const socket = new NotifySocket(`@sortbin-wire-${process.pid}`);
  try {
    const notifier = await wireSystemd(parts, { NOTIFY_SOCKET: socket.name, ...environment });
    assert.ok(notifier);
    await notifier.start(new AbortController().signal);
    notifier.ready();
    await until('READY=1', () => socket.received().includes('READY=1'));
    await clock.advance(60_000);
    const stopped = notifier.stop();
    await until('the barrier', () => socket.received().includes('BARRIER=1'));
    await stopped;
    return socket.received().filter((message) => !message.startsWith('STATUS='));
  } finally {
    socket.close();
  }
};

test('makes no notifier for a daemon that systemd has not started', async () => {
  assert.equal(await wireSystemd(parts, {}), null);
  assert.equal(await wireSystemd(parts, { WATCHDOG_USEC: '1000000' }), null);
});

test('gives signs of life in a third of the time, if systemd expects them of this process', async () => {
  const beats = Array.from({ length: 6 }, () => 'WATCHDOG=1');
  const end = ['STOPPING=1', 'BARRIER=1'];
  const own = { WATCHDOG_USEC: '30000000', WATCHDOG_PID: `${process.pid}` };
  assert.deepEqual(await messagesWith(own), ['READY=1', ...beats, ...end]);
  assert.deepEqual(await messagesWith({ ...own, WATCHDOG_PID: '1' }), ['READY=1', ...end]);
  assert.deepEqual(await messagesWith({}), ['READY=1', ...end]);
});
