import assert from 'node:assert/strict';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { SystemClock } from '../../device/kit/clock.js';
import { SimulatedClock } from '../../device/kit/simulated-clock.js';
import { TimeSync } from '../../device/kit/time-sync.js';
import { until } from '../support/until.js';

const setUp = async (t: TestContext, script: string | null) => {
  const folder = await mkdtemp(join(tmpdir(), 'sortbin-time-sync-'));
  const program = join(folder, 'timedatectl');
  const file = join(folder, 'synchronized');
  const calls = join(folder, 'calls');
  const answer = async (text: string) => {
    await writeFile(program, `#!/bin/sh\necho "$*" >> ${calls}\n${text}\n`);
    await chmod(program, 0o755);
  };
  if (script !== null) await answer(script);
  const clock = new SimulatedClock();
  const timeSync = new TimeSync({ program, file, clock });
  t.after(async () => {
    await timeSync.stop();
    await rm(folder, { recursive: true });
  });
  const asked = async () => (await readFile(calls, 'utf8').catch(() => '')).split('\n').slice(0, -1);
  const untilAnswered = () => until('it waits for the next question', () => clock.waiting === 1);
  return { timeSync, clock, file, answer, asked, untilAnswered };
};

it('asks timedatectl each minute until the clock is synchronised, and then no more', async (t) => {
  const { timeSync, clock, answer, asked, untilAnswered } = await setUp(t, 'echo no');
  await timeSync.start();
  await untilAnswered();
  assert.equal(timeSync.synchronised(), false);
  await answer('echo yes');
  await clock.advance(59_000);
  assert.equal(timeSync.synchronised(), false);
  await clock.advance(1_000);
  await until('synchronised', () => timeSync.synchronised());
  await clock.advance(3_600_000);
  assert.deepEqual(await asked(), Array(2).fill('show --property=NTPSynchronized --value'));
  assert.equal(clock.waiting, 0);
});

it('looks for the file of systemd, without a program', async (t) => {
  const { timeSync, file, clock, untilAnswered } = await setUp(t, null);
  await timeSync.start();
  await untilAnswered();
  assert.equal(timeSync.synchronised(), false);
  await writeFile(file, '');
  assert.equal(timeSync.synchronised(), true);
  await rm(file);
  await clock.advance(60_000);
  assert.equal(timeSync.synchronised(), true);
});

it('believes no other answer, and no program that fails', async (t) => {
  for (const script of ['echo maybe', 'echo yes; exit 1', 'kill -9 $$']) {
    const { timeSync, untilAnswered } = await setUp(t, script);
    await timeSync.start();
    await untilAnswered();
    assert.equal(timeSync.synchronised(), false);
  }
});

it('ends a program that hangs at its stop', async (t) => {
  const { timeSync, asked, clock } = await setUp(t, 'exec sleep 1000');
  await timeSync.start();
  const deadline = Date.now() + 8_000;
  while ((await asked()).length === 0) assert.ok(Date.now() < deadline);
  await timeSync.stop();
  assert.equal(timeSync.synchronised(), false);
  assert.equal(clock.waiting, 0);
});

it('is what the clock of the system reports', async (t) => {
  const { timeSync, file } = await setUp(t, null);
  const clock = new SystemClock(timeSync);
  assert.equal(clock.synchronised(), false);
  await writeFile(file, '');
  assert.equal(clock.synchronised(), true);
});
