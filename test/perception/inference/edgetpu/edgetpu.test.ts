import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { loadBundle } from '../../../../device/perception/inference/bundle/bundle.js';
import { openEdgeTpu } from '../../../../device/perception/inference/edgetpu/edgetpu.js';
import { checkGoldenSamples } from '../../../../device/perception/inference/golden/golden.js';
import { findLibrary } from '../../../../device/perception/inference/native.js';
import type { EdgeTpuSettings } from '../../../../device/perception/inference/runtimes.js';
import { openTfLite } from '../../../../device/perception/inference/tflite/tflite.js';
import { prepare as prepareImage } from '../../../../device/perception/vision/classifier.js';
import { factoryBundle, factoryInputBytes } from '../../../support/bundle-copy.js';
import {
  buildDouble,
  bundleWithEdgeTpu,
  type EdgeTpuDouble,
  noCompiler,
  plugIn,
  unplug,
} from '../../../support/edgetpu/edgetpu-double.js';

const LOGITS = 'StatefulPartitionedCall_1:1';
const skip = (await noCompiler()) ?? false;

describe('the Edge TPU, with a double of libedgetpu', { skip }, () => {
  let folder: string;
  let double: EdgeTpuDouble;
  let newDouble: EdgeTpuDouble;
  let library: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sortbin-edgetpu-'));
    double = await buildDouble(join(folder, 'old'));
    newDouble = await buildDouble(join(folder, 'new'), 'new');
    await plugIn(folder);
    library = await findLibrary({ name: 'tensorflowlite-c' });
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const settings = (libedgetpu = double, changes: Partial<EdgeTpuSettings> = {}): EdgeTpuSettings => ({
    library: libedgetpu.library,
    device: 'auto',
    performance: null,
    root: folder,
    ...changes,
  });

  const open = async (t: TestContext, using = settings()) => {
    const bundle = await loadBundle(await bundleWithEdgeTpu(t));
    const model = await readFile(join(bundle.folder, 'model_int8_edgetpu.tflite'));
    const interpreter = await openEdgeTpu({ library, model, settings: using });
    t.after(() => interpreter.close());
    const prepare = (file: Uint8Array) => prepareImage(file, bundle);
    const golden = () => checkGoldenSamples(bundle, 'edgetpu', interpreter, prepare, () => 0);
    return { interpreter, golden };
  };

  const makeImage = () => new Uint8Array(factoryInputBytes).map((_, index) => (index * 31) & 255);

  for (const abi of ['old', 'new'] as const) {
    it(`computes the same outputs as the CPU, with the ${abi} form of the interface`, async (t) => {
      const { interpreter, golden } = await open(t, settings(abi === 'old' ? double : newDouble));
      assert.equal(interpreter.backend, 'edgetpu-usb');
      const cpu = openTfLite({
        library,
        model: await readFile(join(factoryBundle(), 'model_int8.tflite')),
        threads: 1,
      });
      t.after(() => cpu.close());
      const [found, expected] = [await interpreter.invoke(makeImage()), await cpu.invoke(makeImage())];
      assert.deepEqual(found, expected);
      assert.deepEqual(interpreter.outputs, cpu.outputs);
      const answer = await golden();
      assert.ok(answer.ok && answer.value.logitDifference === 0);
    });
  }

  it('is refused if libedgetpu is missing or is a different library', async (t) => {
    await assert.rejects(open(t, settings(double, { library: '/nowhere/libedgetpu.so.1' })), {
      code: 'edgetpu-library-missing',
      message: /\/nowhere\/libedgetpu\.so\.1: cannot be loaded .*Install libedgetpu1-std/,
    });
    await assert.rejects(open(t, settings(double, { library })), {
      code: 'edgetpu-library-missing',
      message:
        /: not libedgetpu, because tflite_plugin_create_delegate is missing\. Set vision\.edgetpu\.library/,
    });
  });

  it('is refused if no accelerator is connected, or not the configured one', async (t) => {
    await assert.rejects(open(t, settings(double, { device: 'pci' })), {
      code: 'edgetpu-no-device',
      message: /no Edge TPU for pci\. Found: usb:0 at/,
    });
    await unplug(folder);
    t.after(() => plugIn(folder));
    await assert.rejects(open(t), { code: 'edgetpu-no-device', message: /Found: none/ });
  });

  it('is refused if the library returns no delegate, with the reported or the likely reason', async (t) => {
    t.after(() => double.behave('healthy'));
    await double.behave('no-device');
    await assert.rejects(open(t), {
      code: 'edgetpu-refused',
      message: /no delegate for the Edge TPU \(usb, .*no reason reported\. .*group plugdev/,
    });
    await double.behave('create-fails');
    await assert.rejects(open(t), { code: 'edgetpu-refused', message: /cannot be opened with device=;/ });
    await assert.rejects(open(t, settings(double, { device: 'usb:0', performance: 'max' })), {
      message: /cannot be opened with device=usb:0;Performance=Max;/,
    });
  });

  it('never returns the outputs of an earlier run', async (t) => {
    const { interpreter } = await open(t);
    t.after(() => double.behave('healthy'));
    await interpreter.invoke(makeImage());
    await double.behave('invoke-fails');
    await assert.rejects(interpreter.invoke(makeImage()), {
      code: 'invoke-failed',
      message: /the Edge TPU does not answer/,
    });
    await double.behave('healthy');
    assert.equal((await interpreter.invoke(makeImage())).get(LOGITS)?.length, 12);
  });

  it('passes if its kernels round differently, and fails if labels are swapped', async (t) => {
    const { golden } = await open(t);
    t.after(() => double.behave('healthy'));
    await double.behave('off-by-4');
    const near = await golden();
    assert.ok(near.ok, near.ok ? '' : near.fault.message);
    assert.ok(near.value.logitDifference > 0.1);
    await double.behave('swapped');
    const wrong = await golden();
    assert.ok(!wrong.ok);
    assert.equal(wrong.fault.code, 'golden-output');
  });

  it('destroys its delegate after the interpreter, and if the interpreter cannot be opened', async (t) => {
    t.after(() => double.behave('healthy'));
    const model = await readFile(join(await bundleWithEdgeTpu(t), 'model_int8_edgetpu.tflite'));
    const openWith = (path: string) => openEdgeTpu({ library: path, model, settings: settings() });
    const interpreter = await openWith(library);
    assert.equal(double.delegates(), 1);
    await interpreter.close();
    assert.equal(double.delegates(), 0);
    await assert.rejects(openWith(join(folder, 'none.so')), { code: 'native-damaged' });
    assert.equal(double.delegates(), 0);
    await double.behave('ignores');
    await assert.rejects(openWith(library), {
      code: 'model-invalid',
      message: /status 7.*unresolved custom op: edgetpu-custom-op/,
    });
    assert.equal(double.delegates(), 0);
  });

  it('refuses a model that is not compiled for it', async () => {
    const model = await readFile(join(factoryBundle(), 'model_int8.tflite'));
    await assert.rejects(openEdgeTpu({ library, model, settings: settings() }), {
      code: 'model-invalid',
      message: /not compiled for the Edge TPU: it has no edgetpu-custom-op/,
    });
  });
});
