import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { loadBundle } from '../../../../device/perception/inference/bundle/bundle.js';
import { checkGoldenSamples } from '../../../../device/perception/inference/golden/golden.js';
import type {
  Interpreter,
  Outputs,
  TensorData,
} from '../../../../device/perception/inference/interpreter.js';
import { findLibrary } from '../../../../device/perception/inference/native.js';
import { openTfLite } from '../../../../device/perception/inference/tflite/tflite.js';
import { prepare as prepareImage } from '../../../../device/perception/vision/classifier.js';
import { copyBundle, editJson, factoryBundle, updateDigests } from '../../../support/bundle-copy.js';

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

const run = async (folder: string, interpreter = xnnpack, prepare = prepareImage) => {
  const bundle = await loadBundle(folder);
  return checkGoldenSamples(
    bundle,
    'tflite',
    interpreter,
    (file) => prepare(file, bundle),
    performance.now.bind(performance),
  );
};

/** The same interpreter with another backend name and changed outputs. */
const disguised = (
  backend: string,
  change: (name: string, data: TensorData) => TensorData = (_, data) => data,
): Interpreter => ({
  backend,
  threads: xnnpack.threads,
  skipped: [],
  input: xnnpack.input,
  outputs: xnnpack.outputs,
  invoke: async (input): Promise<Outputs> =>
    new Map([...(await xnnpack.invoke(input))].map(([name, data]) => [name, change(name, data)])),
  close: async () => {},
});

const fails = (answer: Awaited<ReturnType<typeof run>>, code: string, message: RegExp) => {
  assert.ok(!answer.ok, 'all samples passed');
  assert.equal(answer.fault.code, code, answer.fault.message);
  assert.match(answer.fault.message, message);
};

test('the factory bundle passes bit-identically on the kernels that made the golden outputs', async () => {
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

test('the builtin kernels pass within the tolerance', async () => {
  const answer = await run(factoryBundle(), builtin);
  assert.ok(answer.ok, answer.ok ? '' : answer.fault.message);
  assert.equal(answer.value.exact, false);
  assert.ok(answer.value.logitDifference > 0 && answer.value.logitDifference <= 0.6);
});

test('a wrong expected output fails, and the message names the sample and the value', async (t) => {
  const folder = await copyBundle(t);
  let correct = Number.NaN;
  await editJson<{ expected: { id: string; logits: number[] }[] }>(
    join(folder, 'golden', 'tflite.json'),
    ({ expected }) => {
      const metal = expected.find(({ id }) => id === 'metal301');
      correct = metal?.logits[6] ?? correct;
      metal?.logits.splice(6, 1, correct - 1);
    },
  );
  await updateDigests(folder);
  fails(
    await run(folder),
    'golden-output',
    new RegExp(
      `metal301: logit 6 is ${correct}, expected ${correct - 1} \\(1 of 12 differ\\) \\(xnnpack-2\\.9, bit-identical outputs required\\)`,
    ),
  );
});

test('an embedding that differs by one step is not bit-identical', async () => {
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

test('other kernels may differ by some steps, but not by many', async () => {
  const shifted = (steps: number) =>
    disguised('other-1.0', (name, data) => (name === LOGITS ? data.map((value) => value + steps) : data));
  const few = await run(factoryBundle(), shifted(5));
  assert.ok(few.ok && !few.value.exact);
  const scale = xnnpack.outputs.get(LOGITS)?.scale ?? Number.NaN;
  fails(
    await run(factoryBundle(), shifted(Math.ceil(0.6 / scale) + 1)),
    'golden-output',
    /cardboard226: a logit differs by \d\.\d+, but at most 0\.6/,
  );
});

test('other kernels must have the same clear top label and a similar embedding', async () => {
  const swapped = disguised('other-1.0', (name, data) => (name === LOGITS ? data.slice().reverse() : data));
  fails(
    await run(factoryBundle(), swapped),
    'golden-output',
    /cardboard226: top label plastic, expected cardboard/,
  );
  const turned = disguised('other-1.0', (name, data) => (name === EMBEDDING ? data.slice().reverse() : data));
  fails(
    await run(factoryBundle(), turned),
    'golden-output',
    /cardboard226: cosine similarity of the embedding is 0\.\d+, but at least 0\.99/,
  );
});

test('distinguishes a different resize from different kernels', async () => {
  const darker = async (...image: Parameters<typeof prepareImage>) => {
    const prepared = await prepareImage(...image);
    return { ...prepared, whole: prepared.whole.map((value) => value >> 1) };
  };
  const { inputs } = JSON.parse(await readFile(join(factoryBundle(), 'golden', 'inputs.json'), 'utf8')) as {
    inputs: { id: string; inputSha256: string }[];
  };
  const expected = inputs.find(({ id }) => id === 'cardboard226')?.inputSha256;
  fails(
    await run(factoryBundle(), xnnpack, darker),
    'golden-input',
    new RegExp(
      `cardboard226: the model's input has sha256 [0-9a-f]{64}, but in training it was ${expected}\\.`,
    ),
  );
});

test('fails on a damaged golden image', async (t) => {
  const folder = await copyBundle(t);
  const path = join(folder, 'golden', 'paper26.jpg');
  const bytes = await readFile(path);
  await writeFile(path, bytes.subarray(0, -1));
  fails(
    await run(folder),
    'golden-picture',
    /paper26: golden\/paper26\.jpg: the sha256 differs from inputs\.json/,
  );
});

test('fails on a sample without an expected output', async (t) => {
  const folder = await copyBundle(t);
  await editJson<{ expected: unknown[] }>(join(folder, 'golden', 'tflite.json'), (answers) => ({
    ...answers,
    expected: answers.expected.slice(0, -1),
  }));
  await updateDigests(folder);
  fails(await run(folder), 'golden-output', /noise-3: no expected output in golden\/tflite\.json/);
});

test('refuses invalid golden files', async (t) => {
  const folder = await copyBundle(t);
  await editJson(join(folder, 'golden', 'inputs.json'), () => ({ schema: 1, inputs: [] }));
  await updateDigests(folder);
  await assert.rejects(run(folder), { code: 'bundle-invalid', message: /golden\/inputs\.json: inputs/ });
});

/** Swaps two labels in manifest.json and in labels.txt, as a wrong export would. */
const swapLabels = async (folder: string, one: string, other: string) => {
  const swap = (label: string) => (label === one ? other : label === other ? one : label);
  await editJson<{ labels: string[] }>(join(folder, 'manifest.json'), (manifest) => {
    manifest.labels = manifest.labels.map(swap);
  });
  const path = join(folder, 'labels.txt');
  const labels = (await readFile(path, 'utf8')).trimEnd().split('\n');
  await writeFile(path, `${labels.map(swap).join('\n')}\n`);
};

const withoutLabels = async (folder: string) => {
  await editJson(join(folder, 'golden', 'tflite.json'), ({ labels: _, ...answers }) => answers);
  await updateDigests(folder);
};

test('refuses swapped labels, also of labels that no sample shows', async (t) => {
  const shown = await copyBundle(t);
  await swapLabels(shown, 'battery', 'paper');
  await assert.rejects(run(shown), {
    code: 'bundle-invalid',
    message: /golden\/tflite\.json: logit 0 is battery, but in manifest\.json it is paper/,
  });
  const unshown = await copyBundle(t);
  await swapLabels(unshown, 'shoes', 'clothes');
  await assert.rejects(run(unshown), { message: /logit 4 is clothes, but in manifest\.json it is shoes/ });
});

test('an older bundle without labels in its golden outputs passes, but not with swapped labels', async (t) => {
  const folder = await copyBundle(t);
  await withoutLabels(folder);
  assert.ok((await run(folder)).ok);
  await swapLabels(folder, 'battery', 'paper');
  for (const interpreter of [xnnpack, builtin])
    await assert.rejects(run(folder, interpreter), {
      code: 'bundle-invalid',
      message: /the highest logit of sample paper26 is paper, but in manifest\.json this label is battery/,
    });
});

test('refuses golden outputs that any runtime could give', async (t) => {
  const folder = await copyBundle(t);
  await editJson<{ expected: { top: string; margin: number; logits: number[] }[] }>(
    join(folder, 'golden', 'tflite.json'),
    ({ expected }) => {
      for (const sample of expected)
        Object.assign(sample, {
          top: 'battery',
          margin: 0.03,
          logits: sample.logits.map((_, at) => (at ? 0 : 1)),
        });
    },
  );
  await updateDigests(folder);
  await assert.rejects(run(folder, builtin), {
    code: 'bundle-invalid',
    message:
      /the logits of each sample differ by at most twice maxLogitDifference 0\.6, so that they prove nothing/,
  });
});

test('refuses tolerances that constant outputs would pass', async (t) => {
  const withTolerance = (tolerance: number) =>
    copyBundle(t, ({ runtimes }) => {
      if (runtimes.tflite)
        Object.assign(runtimes.tflite.golden, { maxLogitDifference: tolerance, clearMargin: 1_000 });
    });
  // The largest spread of a sample is 5.1. A constant in the middle is within 2.6 of each logit.
  await assert.rejects(run(await withTolerance(2.6), builtin), {
    code: 'bundle-invalid',
    message:
      /the logits of each sample differ by at most twice maxLogitDifference 2\.6, so that they prove nothing/,
  });
  // A label's logit differs by up to 4.7 between the samples. The same logits for all are within 2.45 of each.
  await assert.rejects(run(await withTolerance(2.45), builtin), {
    code: 'bundle-invalid',
    message: /the samples differ by at most twice maxLogitDifference 2\.45, so that they prove nothing/,
  });
  assert.ok((await run(await withTolerance(2.3), builtin)).ok);
});

test('fails if no golden image keeps its label in the views that items are classified by', async (t) => {
  const folder = await copyBundle(t, (manifest) => {
    manifest.views = [0.1];
  });
  const blank = async (...image: Parameters<typeof prepareImage>) => {
    const prepared = await prepareImage(...image);
    const views = { ok: true, value: [new Uint8Array(prepared.whole.length)] } as const;
    return { ...prepared, views };
  };
  const empty = async (...image: Parameters<typeof prepareImage>) => ({
    ...(await prepareImage(...image)),
    views: {
      ok: false,
      fault: { code: 'picture-blank', message: 'the image has only one colour.' },
    } as const,
  });
  fails(
    await run(folder, xnnpack, blank),
    'golden-output',
    /views 0\.1: each golden image fails\. Golden sample cardboard226: top label/,
  );
  fails(await run(folder, xnnpack, empty), 'golden-output', /each golden image fails\. .* only one colour/);
});
