import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { EchoArbiter } from '../../../device/hardware/trigger/echo-arbiter.js';
import type { Clock } from '../../../device/kit/clock.js';

it('uses no more memory with each measurement', async () => {
  let nowMs = 0;
  const clock: Clock = {
    monotonicMs: () => {
      nowMs += 60;
      return nowMs;
    },
    wallMs: () => nowMs,
    synchronised: () => true,
    after: () => assert.fail('no measurement waits'),
  };
  const { signal } = new AbortController();
  const arbiter = new EchoArbiter(clock);
  setFlagsFromString('--expose-gc');
  const collectGarbage: () => void = runInNewContext('gc');
  const usedBytes = async (measurements: number) => {
    for (let count = 0; count < measurements; count++) await arbiter.run(signal, async () => {});
    collectGarbage();
    return process.memoryUsage().heapUsed;
  };
  const before = await usedBytes(1_000);
  const grownBytes = (await usedBytes(100_000)) - before;
  assert.ok(grownBytes < 1_000_000, `the heap has grown by ${grownBytes} bytes`);
});
