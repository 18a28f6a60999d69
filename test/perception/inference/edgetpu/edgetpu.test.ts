import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { loadBundle } from '../../../../device/perception/inference/bundle/bundle.js';
import { openEdgeTpu } from '../../../../device/perception/inference/edgetpu/edgetpu.js';
import { passGolden } from '../../../../device/perception/inference/golden/golden.js';
import { findLibrary } from '../../../../device/perception/inference/native.js';
import type { EdgeTpuSettings } from '../../../../device/perception/inference/runtimes.js';
import { openTfLite } from '../../../../device/perception/inference/tflite/tflite.js';
import { decode, findRegion, resize } from '../../../../device/perception/vision/preprocess.js';
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

describe('the Edge TPU, by a double of its library', { skip }, () => {
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

  const settings = (of = double, changes: Partial<EdgeTpuSettings> = {}): EdgeTpuSettings => ({
    library: of.library,
    device: 'auto',
    performance: null,
    root: folder,
    ...changes,
  });

  const open = async (t: TestContext, given = settings()) => {
    const bundle = await loadBundle(await bundleWithEdgeTpu(t));
    const model = await readFile(join(bundle.folder, 'model_int8_edgetpu.tflite'));
    const interpreter = await openEdgeTpu({ library, model, settings: given });
    t.after(() => interpreter.close());
    const prepare = async (file: Uint8Array) => {
      const picture = await decode(file);
      assert.ok(picture.ok);
      return resize(picture.value, findRegion(picture.value), bundle.manifest.input);
    };
    const golden = () => passGolden(bundle, 'edgetpu', interpreter, prepare, () => 0);
    return { interpreter, golden };
  };

  const picture = () => new Uint8Array(factoryInputBytes).map((_, index) => (index * 31) & 255);

  for (const abi of ['old', 'new'] as const) {
    it(`computes as the CPU does, and passes: the ${abi} form of its interface`, async (t) => {
      const { interpreter, golden } = await open(t, settings(abi === 'old' ? double : newDouble));
      assert.equal(interpreter.backend, 'edgetpu-usb');
      const cpu = openTfLite({
        library,
        model: await readFile(join(factoryBundle(), 'model_int8.tflite')),
        threads: 1,
      });
      t.after(() => cpu.close());
      const [found, expected] = [await interpreter.invoke(picture()), await cpu.invoke(picture())];
      assert.deepEqual(found, expected);
      assert.deepEqual(interpreter.outputs, cpu.outputs);
      const answer = await golden();
      assert.ok(answer.ok && answer.value.logitDifference === 0);
    });
  }

  it('is refused where its library is missing, or is another one', async (t) => {
    await assert.rejects(open(t, settings(double, { library: '/nowhere/libedgetpu.so.1' })), {
      code: 'edgetpu-library-missing',
      message: /\/nowhere\/libedgetpu\.so\.1 cannot be loaded .*install libedgetpu1-std/,
    });
    await assert.rejects(open(t, settings(double, { library })), {
      code: 'edgetpu-library-missing',
      message: /has no tflite_plugin_create_delegate: it is not libedgetpu/,
    });
  });

  it('is refused where nothing is plugged in, or not what is asked for', async (t) => {
    await assert.rejects(open(t, settings(double, { device: 'pci' })), {
      code: 'edgetpu-no-device',
      message: /no Edge TPU for device pci; found: usb:0 at/,
    });
    await unplug(folder);
    t.after(() => plugIn(folder));
    await assert.rejects(open(t), { code: 'edgetpu-no-device', message: /found: none/ });
  });

  it('is refused where the library gives no delegate, with its words or ours', async (t) => {
    t.after(() => double.behave('healthy'));
    await double.behave('no-device');
    await assert.rejects(open(t), {
      code: 'edgetpu-refused',
      message: /no delegate for the Edge TPU \(usb, .*it does not say why; .*group plugdev/,
    });
    await double.behave('create-fails');
    await assert.rejects(open(t), { code: 'edgetpu-refused', message: /cannot be opened with device=;/ });
    await assert.rejects(open(t, settings(double, { device: 'usb:0', performance: 'max' })), {
      message: /cannot be opened with device=usb:0;Performance=Max;/,
    });
  });

  it('never gives out what an earlier run has left in the tensors', async (t) => {
    const { interpreter } = await open(t);
    t.after(() => double.behave('healthy'));
    await interpreter.invoke(picture());
    await double.behave('invoke-fails');
    await assert.rejects(interpreter.invoke(picture()), {
      code: 'invoke-failed',
      message: /the Edge TPU does not answer/,
    });
    await double.behave('healthy');
    assert.equal((await interpreter.invoke(picture())).get(LOGITS)?.length, 12);
  });

  it('serves where its kernels round otherwise, and not where labels are swapped', async (t) => {
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

  it('gives its delegate back: after the interpreter, and where that does not open', async (t) => {
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

  it('takes no model that was not compiled for it', async () => {
    const model = await readFile(join(factoryBundle(), 'model_int8.tflite'));
    await assert.rejects(openEdgeTpu({ library, model, settings: settings() }), {
      code: 'model-invalid',
      message: /not compiled for the Edge TPU/,
    });
  });
});
