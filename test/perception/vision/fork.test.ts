import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { endAhead, forkAhead, forkVision } from '../../../device/perception/vision/fork.js';
import { type FromChild, PROTOCOL } from '../../../device/perception/vision/protocol.js';
import { until } from '../../support/until.js';

const childProcesses = (): number[] =>
  readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8')
    .split(' ')
    .filter(Boolean)
    .map(Number);

const untilEnded = (pid: number) =>
  until(
    () => `process ${pid} has ended`,
    () => !childProcesses().includes(pid),
    20_000,
  );

/** Starts a process ahead. Returns its pid. */
const startAhead = () => {
  const before = childProcesses();
  forkAhead();
  const [pid = 0] = childProcesses().filter((one) => !before.includes(one));
  assert.ok(pid > 0);
  return pid;
};

/** Gives a process its options, and ends it after its answer. */
const use = async (child: ChildProcess): Promise<void> => {
  child.send({ type: 'start', protocol: PROTOCOL, options: null });
  const [answer] = (await once(child, 'message')) as [FromChild];
  assert.equal(answer.type, 'ready');
  child.kill('SIGKILL');
  await once(child, 'exit');
};

describe('a vision process that was started ahead', () => {
  it('is the next one, and is not ended then', async () => {
    const pid = startAhead();
    const [first, second] = [forkVision(), forkVision()];
    assert.deepEqual([first.pid === pid, second.pid === pid], [true, false]);
    endAhead();
    await Promise.all([use(first), use(second)]);
  });

  it('can be ended if nothing has used it', async () => {
    const pid = startAhead();
    endAhead();
    await untilEnded(pid);
    const next = forkVision();
    assert.notEqual(next.pid, pid);
    await use(next);
  });

  it('is replaced if it has ended', async () => {
    const pid = startAhead();
    process.kill(pid, 'SIGKILL');
    await untilEnded(pid);
    const next = forkVision();
    assert.notEqual(next.pid, pid);
    endAhead();
    await use(next);
  });
});
