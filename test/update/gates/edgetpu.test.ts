import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { ModelSlot } from '../../../device/perception/model/model.js';
import { ForkedVision } from '../../../device/perception/vision/forked-vision.js';
import { isAllowed, runtimeOptions } from '../../../device/perception/vision/probe.js';
import type { VisionOptions } from '../../../device/perception/vision/protocol.js';
import { BundleGates } from '../../../device/update/gates/gates.js';
import { quiet } from '../../support/bin.js';
import { editJson, factoryBundle, temporaryFolder } from '../../support/bundle-copy.js';
import { buildDouble, bundleWithEdgeTpu, noCompiler, plugIn } from '../../support/edgetpu/edgetpu-double.js';
import { until } from '../../support/until.js';
import { toSlot } from '../../support/update/hostile-bundles.js';
import { makeVisionOptions } from '../../support/vision-options.js';

const { signal } = new AbortController();
const skip = (await noCompiler()) ?? false;
const bytes = await readFile(join(factoryBundle(), 'golden', 'metal301.jpg'));
const frame = { id: 'f', bytes, capturedAtMs: 0, capturedAtWallMs: 0 };
const COOLDOWN_MS = 60_000;
const BETWEEN_PAUSES_MS = 10_000;

/** Makes a bin whose active model uses the double of an Edge TPU, and an installed bundle for it. */
const setUp = async (t: TestContext, runtime: VisionOptions['runtime']) => {
  const folder = await temporaryFolder(t);
  const lib = join(folder, 'lib');
  const double = await buildDouble(lib);
  await plugIn(folder);
  const clock = new SimulatedClock();
  const edgetpu = { library: double.library, device: 'auto', performance: null, root: folder };
  const optionsOf = (bundle: string) => makeVisionOptions(bundle, { runtime, edgetpu });
  const slot = new ModelSlot({
    folder: await bundleWithEdgeTpu(t),
    makePolicy: ({ manifest }) => manifest.version,
    makeVision: (bundle, isAcceleratorBusy) =>
      new ForkedVision({ ...optionsOf(bundle.folder), isAcceleratorBusy, clock, log: quiet }),
    log: quiet,
  });
  t.after(() => slot.stop());
  await slot.start(signal);
  assert.equal(slot.active.info.title, 'edgetpu');
  const candidate = await bundleWithEdgeTpu(t);
  await editJson(join(candidate, 'manifest.json'), (manifest) => ({ ...manifest, version: '2.0.0' }));
  const gates = new BundleGates({
    makePolicy: () => {},
    runtimesFor: (bundle) =>
      runtimeOptions(optionsOf(bundle)).filter((option) => isAllowed(option, optionsOf(bundle))),
    slot,
    factoryFolder: factoryBundle(),
    startMs: 20_000,
    classifyMs: 60_000,
    nice: 0,
    freeBytes: () => 8e9,
    clock,
    log: quiet,
  });
  const classify = () =>
    slot.use(async ({ vision, policy }) => {
      const answer = await vision.classify(frame, AbortSignal.timeout(300_000));
      return answer.ok ? `${answer.value.runtime.name} of ${policy}` : answer.fault.code;
    });
  /** The Edge TPU hangs from now on. `hung` waits for the inference that hangs, and makes the next ones healthy. */
  const hang = async () => {
    await double.behave('hangs');
    return async () => {
      await until('the Edge TPU hangs', () => existsSync(join(lib, 'hanging')), 300_000);
      await double.behave('healthy');
      await rm(join(lib, 'hanging'));
    };
  };
  return { slot, gates, clock, candidate: await toSlot(t, candidate), classify, hang };
};

describe('the gate of an Edge TPU', { skip }, () => {
  it('runs in an idle pause of the active model, which then returns', async (t) => {
    const { slot, gates, candidate, classify } = await setUp(t, 'auto');
    const answer = await gates.check(candidate, signal);
    assert.ok(answer.ok, JSON.stringify(answer));
    assert.deepEqual(
      answer.value.runtimes.map(({ title, reason }) => [title, reason]),
      [
        ['edgetpu', null],
        ['tflite (TensorFlow Lite)', null],
      ],
    );
    assert.equal(slot.active.info.title, 'edgetpu');
    assert.equal(await classify(), 'edgetpu of 1.3.0');
  });

  it('ends at once for an item, which the active model classifies, and is tried again', async (t) => {
    const { gates, clock, candidate, classify, hang } = await setUp(t, 'edgetpu');
    const hung = await hang();
    const check = gates.check(candidate, signal);
    await hung();
    assert.equal(await classify(), 'edgetpu of 1.3.0');
    await until('the next pause', () => clock.waiting > 0);
    await clock.advance(BETWEEN_PAUSES_MS);
    const answer = await check;
    assert.ok(answer.ok, JSON.stringify(answer));
  });

  it('is postponed if items come in each pause', async (t) => {
    const { gates, clock, candidate, classify, hang } = await setUp(t, 'edgetpu');
    const check = gates.check(candidate, signal);
    for (let pause = 1; pause <= 3; pause++) {
      const hung = await hang();
      if (pause > 1) await clock.advance(BETWEEN_PAUSES_MS);
      await hung();
      assert.equal(await classify(), 'edgetpu of 1.3.0');
      await until('the pause has ended', () => clock.waiting > 0 || pause === 3);
    }
    assert.deepEqual(await check, {
      ok: false,
      fault: {
        code: 'check-postponed',
        message: 'edgetpu: items came in 3 idle pauses. Try again later.',
      },
    });
  });

  it('rejects a bundle that fails on it, and the active model returns', async (t) => {
    const { gates, candidate, classify } = await setUp(t, 'auto');
    interface Runtimes {
      runtimes: Record<'tflite' | 'edgetpu', object>;
    }
    await editJson<Runtimes>(
      join(candidate, 'manifest.json'),
      ({ runtimes: { tflite, edgetpu }, ...rest }) => ({
        ...rest,
        runtimes: { tflite, edgetpu: { ...edgetpu, ...tflite } },
      }),
    );
    const answer = await gates.check(candidate, signal);
    assert.ok(!answer.ok);
    assert.equal(answer.fault.code, 'check-golden');
    assert.match(answer.fault.message, /^edgetpu: the model is not compiled for the Edge TPU/);
    assert.equal(await classify(), 'edgetpu of 1.3.0');
  });
});

describe('a swap on an Edge TPU', { skip }, () => {
  it('starts the new model on the CPU, which moves to the Edge TPU later', async (t) => {
    const { slot, clock, candidate, classify } = await setUp(t, 'auto');
    await slot.swap(candidate, signal);
    assert.equal(await classify(), 'tflite of 2.0.0');
    await clock.advance(COOLDOWN_MS);
    await until('the new model uses the Edge TPU', () => slot.active.info.title === 'edgetpu', 300_000);
    assert.equal(await classify(), 'edgetpu of 2.0.0');
  });

  it('closes the old model first if only the Edge TPU is allowed, and items wait', async (t) => {
    const { slot, candidate, classify } = await setUp(t, 'edgetpu');
    const swapped = slot.swap(candidate, signal);
    const items: string[] = [];
    while (slot.active.policy === '1.3.0') items.push(await classify());
    await swapped;
    assert.equal(items.at(-1), 'edgetpu of 2.0.0');
    for (const item of items) assert.match(item, /^edgetpu of [12]/);
  });
});
