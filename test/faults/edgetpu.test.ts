import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import pino from 'pino';
import { SimulatedClock } from '../../device/kit/simulated-clock.js';
import { ForkedVision } from '../../device/perception/vision/forked-vision.js';
import type { VisionInfo } from '../../device/perception/vision/vision.js';
import { factoryBundle } from '../support/bundle-copy.js';
import {
  buildDouble,
  bundleWithEdgeTpu,
  noCompiler,
  plugIn,
  unplug,
} from '../support/edgetpu/edgetpu-double.js';
import { isRunning } from '../support/processes.js';
import { until } from '../support/until.js';
import { makeVisionOptions } from '../support/vision-options.js';

const never = new AbortController().signal;

const skip = (await noCompiler()) ?? false;
const bytes = await readFile(join(factoryBundle(), 'golden', 'metal301.jpg'));
const frame = { id: 'f', bytes, capturedAtMs: 0, capturedAtWallMs: 0 };
const FIRST_COOLDOWN_MS = 60_000;
/** The deadline of a close, with its grace time. */
const CLOSE_MS = 520;
/** The default deadline of a start, with its grace time. */
const START_MS = 20_020;

/**
 * Creates the vision of a bin with the double of libedgetpu. `changes` are the reported changes of the active runtime.
 */
const setUp = async (t: TestContext) => {
  const folder = await mkdtemp(join(tmpdir(), 'sortbin-edgetpu-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const double = await buildDouble(join(folder, 'lib'));
  await plugIn(folder);
  const clock = new SimulatedClock();
  const vision = new ForkedVision({
    ...makeVisionOptions(await bundleWithEdgeTpu(t), {
      runtime: 'auto',
      edgetpu: { library: double.library, device: 'auto', performance: null, root: folder },
    }),
    clock,
    log: pino({ level: 'silent' }),
  });
  t.after(() => vision.close());
  const changes: VisionInfo[] = [];
  vision.onChange((info) => changes.push(info));
  const classify = async (deadlineMs = 20_000) => {
    const answer = await vision.classify(frame, AbortSignal.timeout(deadlineMs));
    return answer.ok ? `${answer.value.label} by ${answer.value.runtime.name}` : answer.fault.code;
  };
  return { folder, double, clock, vision, changes, classify };
};

describe('an Edge TPU', { skip }, () => {
  it('is the first choice if it works', async (t) => {
    const { vision, classify } = await setUp(t);
    const info = await vision.start(never);
    assert.deepEqual([info.title, info.skipped], ['edgetpu', []]);
    assert.equal(await classify(), 'metal by edgetpu');
  });

  it('is skipped after two failed runs, and active again after the cool-down time', async (t) => {
    const { double, clock, vision, changes, classify } = await setUp(t);
    await vision.start(never);
    await double.behave('invoke-fails');
    assert.equal(await classify(), 'vision-failed');
    // In the next process, it already fails at the golden samples.
    assert.equal(await classify(), 'metal by tflite');
    assert.equal(changes.at(-1)?.title, 'tflite (TensorFlow Lite)');
    assert.match(changes.at(-1)?.skipped[0]?.why ?? '', /the Edge TPU does not answer/);
    await double.behave('healthy');
    await clock.advance(FIRST_COOLDOWN_MS);
    await until('the Edge TPU is active again', () => changes.at(-1)?.title === 'edgetpu', 20_000);
    assert.equal(await classify(), 'metal by edgetpu');
  });

  it('that hangs costs one frame, and is tried again beside the CPU', async (t) => {
    const { folder, double, clock, vision, changes, classify } = await setUp(t);
    await vision.start(never);
    await double.behave('hangs');
    const hanging = join(folder, 'lib', 'hanging');
    assert.equal(await classify(1_500), 'vision-timeout');
    await rm(hanging);
    assert.equal(await classify(), 'metal by tflite');
    assert.equal(existsSync(hanging), false, 'the next process does not try it');
    assert.match(changes.at(-1)?.skipped[0]?.why ?? '', /no answer before the deadline/);
    // It still hangs at the next attempt. Frames do not wait for it.
    await clock.advance(FIRST_COOLDOWN_MS);
    await until('the Edge TPU hangs', () => existsSync(hanging), 20_000);
    assert.equal(await classify(), 'metal by tflite');
    await clock.advance(START_MS);
    assert.equal(await classify(), 'metal by tflite');
  });

  it('that hung is active again after the cool-down time', async (t) => {
    const { double, clock, vision, changes, classify } = await setUp(t);
    await vision.start(never);
    await double.behave('hangs');
    assert.equal(await classify(1_500), 'vision-timeout');
    assert.equal(await classify(), 'metal by tflite');
    await double.behave('healthy');
    await clock.advance(FIRST_COOLDOWN_MS);
    await until('the Edge TPU is active again', () => changes.at(-1)?.title === 'edgetpu', 20_000);
    assert.equal(await classify(), 'metal by edgetpu');
  });

  it('that had little time, because its process was starting, is tried again at once', async (t) => {
    const { clock, vision, classify } = await setUp(t);
    await vision.start(never);
    let isStopped = false;
    vision.onChange(() => {
      if (!isStopped) process.kill(vision.pid ?? Number.NaN, 'SIGSTOP');
      isStopped = true;
    });
    process.kill(vision.pid ?? Number.NaN, 'SIGKILL');
    await until('the process has ended', () => vision.pid === undefined);
    const deadline = new AbortController();
    const answer = vision.classify(frame, deadline.signal);
    await clock.advance(1_000);
    await until('the next process is stopped', () => isStopped, 20_000);
    await new Promise((resolve) => setImmediate(resolve));
    deadline.abort(new Error('deadline'));
    const { ok, fault } = (await answer) as Extract<Awaited<typeof answer>, { ok: false }>;
    assert.deepEqual([ok, fault.code], [false, 'vision-timeout']);
    await until('the restart is scheduled', () => vision.pid === undefined && clock.waiting > 0);
    await clock.advance(1_000);
    assert.equal(await classify(), 'metal by edgetpu');
  });

  it('is freed at a clean stop', async (t) => {
    const { folder, vision, classify } = await setUp(t);
    await vision.start(never);
    assert.equal(await classify(), 'metal by edgetpu');
    assert.equal(existsSync(join(folder, 'lib', 'destroyed')), false);
    await vision.close();
    assert.equal(existsSync(join(folder, 'lib', 'destroyed')), true);
  });

  it('that hangs while it is freed is killed', async (t) => {
    const { folder, double, clock, vision } = await setUp(t);
    await vision.start(never);
    await double.behave('destroy-hangs');
    const pid = vision.pid ?? Number.NaN;
    const closed = vision.close();
    await until('the Edge TPU hangs', () => existsSync(join(folder, 'lib', 'hanging')));
    await clock.advance(CLOSE_MS);
    await closed;
    await until('the process has ended', () => !isRunning(pid));
  });

  it('that ends the process costs one frame, then the CPU is active', async (t) => {
    const { double, vision, changes, classify } = await setUp(t);
    await vision.start(never);
    await double.behave('aborts');
    assert.equal(await classify(), 'vision-died');
    assert.equal(await classify(), 'metal by tflite');
    assert.match(
      changes.at(-1)?.skipped[0]?.why ?? '',
      /SIGABRT \(last message: the double of libedgetpu aborts\)/,
    );
  });

  it('that ends the process at its start does not prevent the start of the bin', async (t) => {
    const { double, vision } = await setUp(t);
    await double.behave('aborts');
    assert.equal((await vision.start(never)).title, 'tflite (TensorFlow Lite)');
  });

  it('that is unplugged between two frames costs one frame, and is active again when it is connected', async (t) => {
    const { folder, double, clock, vision, changes, classify } = await setUp(t);
    await vision.start(never);
    assert.equal(await classify(), 'metal by edgetpu');
    await unplug(folder);
    await double.behave('no-device');
    assert.equal(await classify(), 'vision-failed');
    assert.equal(await classify(), 'metal by tflite');
    assert.equal(changes.at(-1)?.skipped[0]?.code, 'edgetpu-no-device');
    await plugIn(folder);
    await double.behave('healthy');
    await clock.advance(FIRST_COOLDOWN_MS);
    await until('the Edge TPU is active again', () => changes.at(-1)?.title === 'edgetpu', 20_000);
    assert.equal(await classify(), 'metal by edgetpu');
  });

  it('is active if its outputs differ by some steps, and skipped if two labels are swapped', async (t) => {
    const near = await setUp(t);
    await near.double.behave('off-by-4');
    assert.equal((await near.vision.start(never)).title, 'edgetpu');
    const wrong = await setUp(t);
    await wrong.double.behave('swapped');
    const info = await wrong.vision.start(never);
    assert.equal(info.title, 'tflite (TensorFlow Lite)');
    assert.equal(info.skipped[0]?.code, 'golden-output');
  });
});
