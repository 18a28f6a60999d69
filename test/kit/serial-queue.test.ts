import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { SerialQueue } from '../../device/kit/serial-queue.js';

const never = new AbortController().signal;

it('runs one job at a time, in the order of the calls, also after a failure', async () => {
  const queue = new SerialQueue();
  const log: string[] = [];
  const run = (name: string, error?: Error) =>
    queue.run(never, async () => {
      log.push(`+${name}`);
      await setImmediate();
      log.push(`-${name}`);
      if (error) throw error;
      return name;
    });
  const jobs = [run('a'), run('b', new Error('failed')), run('c')];
  const results = await Promise.allSettled(jobs);
  assert.deepEqual(log, ['+a', '-a', '+b', '-b', '+c', '-c']);
  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
});

it('rejects a waiting turn with the reason of its aborted signal, and keeps the order of the others', async () => {
  const queue = new SerialQueue();
  const end = await queue.turn(never);
  const stop = new AbortController();
  const second = queue.turn(stop.signal);
  let hasThird = false;
  const third = queue.turn(never).then((endThird) => {
    hasThird = true;
    endThird();
  });
  stop.abort(new Error('stopped'));
  await assert.rejects(second, /stopped/);
  await setImmediate();
  assert.equal(hasThird, false);
  end();
  await third;
  await assert.rejects(
    queue.run(stop.signal, async () => assert.fail('it ran')),
    /stopped/,
  );
});

it('is full at its capacity, until a turn has ended or was aborted', async () => {
  const queue = new SerialQueue(2);
  const end = await queue.turn(never);
  assert.equal(queue.isFull, false);
  const stop = new AbortController();
  const waiting = queue.turn(stop.signal);
  assert.equal(queue.isFull, true);
  stop.abort(new Error('stopped'));
  await assert.rejects(waiting, /stopped/);
  assert.equal(queue.isFull, false);
  const next = queue.turn(never);
  assert.equal(queue.isFull, true);
  end();
  await next;
  assert.equal(queue.isFull, false);
});

it('is idle when all turns that were requested so far have ended', async () => {
  const queue = new SerialQueue();
  const end = await queue.turn(never);
  const next = queue.turn(never);
  let isIdle = false;
  const idle = queue.untilIdle().then(() => {
    isIdle = true;
  });
  end();
  const endNext = await next;
  await setImmediate();
  assert.equal(isIdle, false);
  endNext();
  await idle;
});
