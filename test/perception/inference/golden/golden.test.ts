import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { loadBundle } from '../../../../device/perception/inference/bundle/bundle.js';
import { passGolden } from '../../../../device/perception/inference/golden/golden.js';
import type {
  Interpreter,
  Outputs,
  TensorData,
} from '../../../../device/perception/inference/interpreter.js';
import { findLibrary } from '../../../../device/perception/inference/native.js';
import { openTfLite } from '../../../../device/perception/inference/tflite/tflite.js';
import { decode, findRegion, resize } from '../../../../device/perception/vision/preprocess.js';
import { copyBundle, editJson, factoryBundle, factoryInput, signOff } from '../../../support/bundle-copy.js';

const LOGITS = 'StatefulPartitionedCall_1:1';
const EMBEDDING = 'StatefulPartitionedCall_1:0';

let xnnpack: Interpreter;
let builtin: Interpreter;

before(async () => {
  const library = await findLibrary({ name: 'tensorflowlite-c' });
  const model = await readFile(join(factoryBundle(), 'model_int8.tflite'));
  xnnpack = openTfLite({ library, model, threads: 1 });
  builtin = openTfLite({ library, model, threads: 1, kernels: 'builtin' });
});
after(() => Promise.all([xnnpack.close(), builtin.close()]));

const prepare = async (file: Uint8Array): Promise<Uint8Array> => {
  const picture = await decode(file);
  assert.ok(picture.ok);
  return resize(picture.value, findRegion(picture.value), factoryInput);
};

const run = async (folder: string, interpreter = xnnpack, how = prepare) =>
  passGolden(await loadBundle(folder), 'tflite', interpreter, how, performance.now.bind(performance));

/** The same interpreter under another name, with its outputs changed. */
const disguised = (
  backend: string,
  change: (name: string, data: TensorData) => TensorData = (_, data) => data,
): Interpreter => ({
  backend,
  threads: xnnpack.threads,
  passedOver: [],
  input: xnnpack.input,
  outputs: xnnpack.outputs,
  invoke: async (input): Promise<Outputs> =>
    new Map([...(await xnnpack.invoke(input))].map(([name, data]) => [name, change(name, data)])),
  close: async () => {},
});

const fails = (answer: Awaited<ReturnType<typeof run>>, code: string, message: RegExp) => {
  assert.ok(!answer.ok, 'the samples were passed');
  assert.equal(answer.fault.code, code, answer.fault.message);
  assert.match(answer.fault.message, message);
};

test('the factory bundle: all samples, equal bits on the kernels that made them', async () => {
  const answer = await run(factoryBundle());
  assert.deepEqual(answer, {
    ok: true,
    value: {
      samples: 8,
      exact: true,
      logitDifference: 0,
      embeddingCosine: answer.ok && answer.value.embeddingCosine,
      firstMs: answer.ok && answer.value.firstMs,
      medianMs: answer.ok && answer.value.medianMs,
    },
  });
  assert.ok(answer.ok && answer.value.embeddingCosine > 0.999_999);
});

test('the plain kernels pass within the tolerance', async () => {
  const answer = await run(factoryBundle(), builtin);
  assert.ok(answer.ok, answer.ok ? '' : answer.fault.message);
  assert.equal(answer.value.exact, false);
  assert.ok(answer.value.logitDifference > 0 && answer.value.logitDifference <= 0.6);
});

test('an altered expectation fails, and says which sample and what', async (t) => {
  const folder = await copyBundle(t);
  let right = Number.NaN;
  await editJson<{ expected: { id: string; logits: number[] }[] }>(
    join(folder, 'golden', 'tflite.json'),
    ({ expected }) => {
      const metal = expected.find(({ id }) => id === 'metal301');
      right = metal?.logits[6] ?? right;
      metal?.logits.splice(6, 1, right - 1);
    },
  );
  await signOff(folder);
  fails(
    await run(folder),
    'golden-output',
    new RegExp(
      `metal301: logit 6 is ${right}, expected ${right - 1} \\(1 of 12 differ\\) \\(xnnpack-2\\.9, equal bits\\)`,
    ),
  );
});

test('one step off in the embedding is no equal bits', async () => {
  const nudged = disguised('xnnpack-2.9', (name, data) => {
    const copy = data.slice();
    if (name === EMBEDDING) copy[7] = (copy[7] ?? 0) + 1;
    return copy;
  });
  fails(
    await run(factoryBundle(), nudged),
    'golden-output',
    /cardboard226: embedding value 7 is -?\d+, expected -?\d+ \(1 of 1280 differ\)/,
  );
});

test('other kernels: some steps of difference are passed, many are not', async () => {
  const shifted = (steps: number) =>
    disguised('other-1.0', (name, data) => (name === LOGITS ? data.map((value) => value + steps) : data));
  const few = await run(factoryBundle(), shifted(5));
  assert.ok(few.ok && !few.value.exact);
  const scale = xnnpack.outputs.get(LOGITS)?.scale ?? Number.NaN;
  fails(
    await run(factoryBundle(), shifted(Math.ceil(0.6 / scale) + 1)),
    'golden-output',
    /cardboard226: a logit is off by \d\.\d+; at most 0\.6/,
  );
});

test('other kernels: another top label where it was clear, another embedding', async () => {
  const swapped = disguised('other-1.0', (name, data) => (name === LOGITS ? data.slice().reverse() : data));
  fails(
    await run(factoryBundle(), swapped),
    'golden-output',
    /cardboard226: the top label is plastic, expected cardboard/,
  );
  const turned = disguised('other-1.0', (name, data) => (name === EMBEDDING ? data.slice().reverse() : data));
  fails(
    await run(factoryBundle(), turned),
    'golden-output',
    /cardboard226: the embedding's cosine is 0\.\d+; at least 0\.99/,
  );
});

test('another resize is told from other kernels', async () => {
  const darker = async (file: Uint8Array) => (await prepare(file)).map((value) => value >> 1);
  const { inputs } = JSON.parse(await readFile(join(factoryBundle(), 'golden', 'inputs.json'), 'utf8')) as {
    inputs: { id: string; inputSha256: string }[];
  };
  const expected = inputs.find(({ id }) => id === 'cardboard226')?.inputSha256;
  fails(
    await run(factoryBundle(), xnnpack, darker),
    'golden-input',
    new RegExp(`cardboard226: the model's input has the sha256 [0-9a-f]{64}, training had ${expected};`),
  );
});

test('a damaged golden picture', async (t) => {
  const folder = await copyBundle(t);
  const path = join(folder, 'golden', 'paper26.jpg');
  const bytes = await readFile(path);
  await writeFile(path, bytes.subarray(0, -1));
  fails(await run(folder), 'golden-picture', /paper26: golden\/paper26\.jpg is not the file that it was/);
});

test('a sample without an expected answer', async (t) => {
  const folder = await copyBundle(t);
  await editJson<{ expected: unknown[] }>(join(folder, 'golden', 'tflite.json'), (answers) => ({
    ...answers,
    expected: answers.expected.slice(0, -1),
  }));
  await signOff(folder);
  fails(await run(folder), 'golden-output', /noise-3: golden\/tflite\.json has no answer to it/);
});

test('golden files that are none', async (t) => {
  const folder = await copyBundle(t);
  await editJson(join(folder, 'golden', 'inputs.json'), () => ({ schema: 1, inputs: [] }));
  await signOff(folder);
  await assert.rejects(run(folder), { code: 'bundle-invalid', message: /golden\/inputs\.json: inputs/ });
});
