import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Limits } from '../../device/cycle/state.js';
import type { CameraStep } from '../../device/hardware/camera/simulated-camera.js';
import { SystemClock } from '../../device/kit/clock.js';
import { ForkedVision } from '../../device/perception/vision/forked-vision.js';
import { FACTORY_BUNDLE, makeBin, quiet } from '../support/bin.js';
import { until } from '../support/until.js';
import { makeVisionOptions } from '../support/vision-options.js';

const never = new AbortController().signal;

const CARDBOARD: CameraStep = { picture: 'cardboard/cardboard391.jpg' };

/** Runs a cycle with a real vision process. */
const withVisionProcess = async (
  options: { pictures?: readonly CameraStep[]; limits?: Partial<Limits> },
  use: (bin: ReturnType<typeof makeBin> & { vision: ForkedVision }) => Promise<void>,
) => {
  const clock = new SystemClock();
  const vision = new ForkedVision({
    ...makeVisionOptions(FACTORY_BUNDLE, { runtime: 'auto' }),
    startMs: 30_000,
    clock,
    log: quiet,
  });
  const bin = makeBin({
    pictures: [CARDBOARD],
    clock,
    vision,
    limits: { classifyMs: 20_000, ...options.limits },
    ...options,
  });
  await vision.start(never);
  await bin.runner.start();
  try {
    await use({ ...bin, vision });
  } finally {
    await bin.runner.stop();
    await vision.close();
  }
};

const kill = (signal: NodeJS.Signals, pid: number | undefined) => process.kill(pid ?? Number.NaN, signal);

describe('the vision process in the cycle', () => {
  it('costs one item each time it is killed during a frame, and the gate does not move', () =>
    withVisionProcess({}, async ({ runner, trigger, vision, journalled }) => {
      for (let time = 1; time <= 10; time++) {
        await until('the bin is idle', () => runner.phase === 'idle');
        trigger.fire();
        await until('the vision process has the frame', () => runner.phase === 'classifying');
        kill('SIGKILL', vision.pid);
        await until('the item has its event', () => journalled.length === 2 * time - 1, 30_000);
        const { event } = journalled.at(-1) ?? {};
        assert.deepEqual([event?.outcome, event?.fault?.code], ['failed', 'vision-died']);
        assert.equal(event?.timingsMs.gateCommand, undefined);
        await until('the bin is idle', () => runner.phase === 'idle');
        trigger.fire();
        await until('the next item has its event', () => journalled.length === 2 * time, 30_000);
        assert.equal(journalled.at(-1)?.event.decision?.compartment, 'paper');
      }
    }));

  it('costs one item when it is stopped and does not answer, and is restarted', () =>
    withVisionProcess({ limits: { classifyMs: 5_000 } }, async ({ runner, trigger, vision, journalled }) => {
      await until('the bin is idle', () => runner.phase === 'idle');
      const before = vision.pid;
      kill('SIGSTOP', before);
      trigger.fire();
      await until('the item has its event', () => journalled.length === 1, 30_000);
      assert.deepEqual(
        [journalled[0]?.event.outcome, journalled[0]?.event.fault?.code],
        ['failed', 'vision-timeout'],
      );
      await until('the bin is idle', () => runner.phase === 'idle');
      trigger.fire();
      await until('the next item has its event', () => journalled.length === 2, 30_000);
      assert.equal(journalled[1]?.event.outcome, 'sorted');
      assert.notEqual(vision.pid, before);
    }));

  it('reports garbage from the camera as a broken image, and does not exit', () =>
    withVisionProcess(
      { pictures: [{ garbage: true }, CARDBOARD] },
      async ({ runner, trigger, vision, journalled }) => {
        const before = vision.pid;
        for (const count of [1, 2]) {
          await until('the bin is idle', () => runner.phase === 'idle');
          trigger.fire();
          await until('the item has its event', () => journalled.length === count, 30_000);
        }
        assert.deepEqual(
          journalled.map(({ event }) => [event.outcome, event.fault?.code, event.decision?.reason]),
          [
            ['failed', 'picture-broken', 'camera-down'],
            ['sorted', undefined, 'confident'],
          ],
        );
        assert.equal(vision.pid, before);
      },
    ));
});
