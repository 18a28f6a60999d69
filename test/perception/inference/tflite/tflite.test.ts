import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { loadBundle } from '../../../../device/perception/inference/bundle/bundle.js';
import { findLibrary } from '../../../../device/perception/inference/native.js';
import { openTfLite, type TfLiteOptions } from '../../../../device/perception/inference/tflite/tflite.js';
import { factoryBundle, factoryInput, factoryInputBytes } from '../../../support/bundle-copy.js';

const library = await findLibrary({ name: 'tensorflowlite-c' });
const model = await readFile(join(factoryBundle(), 'model_int8.tflite'));
const LOGITS = 'StatefulPartitionedCall_1:1';
const EMBEDDING = 'StatefulPartitionedCall_1:0';
const grey = Buffer.alloc(factoryInputBytes, 127);
const white = Buffer.alloc(factoryInputBytes, 255);

const open = (t: TestContext, options: Partial<TfLiteOptions> = {}) => {
  const interpreter = openTfLite({ library, model, threads: 1, ...options });
  t.after(() => interpreter.close());
  return interpreter;
};

test('describes the inputs and outputs of the model', (t) => {
  const interpreter = open(t);
  assert.equal(interpreter.backend, 'xnnpack-2.9');
  assert.deepEqual(interpreter.skipped, []);
  assert.equal(interpreter.input.type, 'uint8');
  assert.deepEqual(interpreter.input.shape, [1, factoryInput.height, factoryInput.width, 3]);
  assert.equal(interpreter.input.scale, 1 / 128);
  assert.equal(interpreter.input.zeroPoint, 127);
  assert.deepEqual(interpreter.outputs.get(LOGITS)?.shape, [1, 12]);
  assert.deepEqual(interpreter.outputs.get(EMBEDDING)?.shape, [1, 1280]);
  assert.equal(interpreter.outputs.get(LOGITS)?.type, 'int8');
});

test('equal inputs give equal outputs, other inputs do not, and earlier outputs are unchanged', async (t) => {
  const interpreter = open(t);
  const first = await interpreter.invoke(grey);
  const copy = first.get(LOGITS)?.slice();
  const other = await interpreter.invoke(white);
  assert.notDeepEqual(other.get(LOGITS), copy);
  assert.deepEqual(first.get(LOGITS), copy);
  assert.deepEqual(await interpreter.invoke(grey), first);
});

test('two threads give the same outputs', async (t) => {
  const [one, two] = [open(t), open(t, { threads: 2 })];
  assert.equal(two.threads, 2);
  assert.deepEqual(await two.invoke(grey), await one.invoke(grey));
});

test('refuses an input of the wrong size, and the next run is correct', async (t) => {
  const interpreter = open(t);
  const expected = await interpreter.invoke(grey);
  await assert.rejects(interpreter.invoke(grey.subarray(1)), {
    code: 'input-invalid',
    message: new RegExp(`has ${factoryInputBytes - 1} bytes, but the model takes ${factoryInputBytes}`),
  });
  assert.deepEqual(await interpreter.invoke(grey), expected);
});

test('refuses a second call during a run', async (t) => {
  const interpreter = open(t);
  const running = interpreter.invoke(grey);
  await assert.rejects(interpreter.invoke(white), { code: 'interpreter-busy' });
  assert.equal((await running).size, 2);
});

test('close waits for the run in progress, and later calls are refused', async (t) => {
  const interpreter = open(t);
  const running = interpreter.invoke(grey);
  await interpreter.close();
  assert.equal((await running).size, 2);
  await assert.rejects(interpreter.invoke(grey), { code: 'interpreter-closed' });
  await interpreter.close();
});

for (const [name, bytes] of [
  ['garbage', Buffer.from('this is not a model, but it is long enough to be one')],
  ['nothing', Buffer.alloc(0)],
  ['a truncated model', model.subarray(0, 100_000)],
] as const) {
  test(`refuses ${name}`, (t) => {
    assert.throws(() => open(t, { model: bytes }), {
      code: 'model-invalid',
      message: /not a TensorFlow Lite model/,
    });
  });
}

test('the builtin kernels execute a model that XNNPACK refuses, and the backend is reported', async (t) => {
  // The scale of the output becomes so small that the last layer is out of XNNPACK's range.
  const scale = Buffer.alloc(4);
  const logits = (await loadBundle(factoryBundle())).manifest.outputs.logits?.tflite ?? '';
  scale.writeFloatLE(open(t).outputs.get(logits)?.scale ?? 0);
  const patched = Buffer.from(model);
  for (let at = patched.indexOf(scale); at >= 0; at = patched.indexOf(scale, at + 4))
    patched.writeFloatLE(1e-9, at);
  const interpreter = open(t, { model: patched });
  assert.equal(interpreter.backend, 'builtin-2.9');
  assert.equal(interpreter.skipped[0]?.runtime, 'xnnpack-2.9');
  assert.match(interpreter.skipped[0]?.why ?? '', /xnnpack-2\.9 cannot execute the model: \S+/);
  assert.equal((await interpreter.invoke(grey)).size, 2);
});
