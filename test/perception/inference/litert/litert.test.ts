import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { loadBundle } from '../../../../device/perception/inference/bundle/bundle.js';
import { checkGoldenSamples } from '../../../../device/perception/inference/golden/golden.js';
import { noiseImage } from '../../../../device/perception/inference/golden/samples.js';
import { type LiteRtOptions, openLiteRt } from '../../../../device/perception/inference/litert/litert.js';
import { findLibrary } from '../../../../device/perception/inference/native.js';
import { openTfLite } from '../../../../device/perception/inference/tflite/tflite.js';
import { prepare as prepareImage } from '../../../../device/perception/vision/classifier.js';
import { factoryBundle, factoryInputBytes, temporaryFolder } from '../../../support/bundle-copy.js';
import { runModule } from '../../../support/run-module.js';

const library = await findLibrary({ name: 'litert' });
const tensorflowlite = await findLibrary({ name: 'tensorflowlite-c' });
const modelFile = join(factoryBundle(), 'model_int8.tflite');
const model = await readFile(modelFile);
const grey = Buffer.alloc(factoryInputBytes, 127);

const open = (t: TestContext, options: Partial<LiteRtOptions> = {}) => {
  const interpreter = openLiteRt({ library, model, threads: 1, ...options });
  t.after(() => interpreter.close());
  return interpreter;
};

test('names its kernels, and describes the tensors like TensorFlow Lite', (t) => {
  const litert = open(t);
  assert.equal(litert.backend, 'xnnpack-litert-2.3');
  assert.deepEqual(litert.skipped, []);
  const other = openTfLite({ library: tensorflowlite, model, threads: 1 });
  t.after(() => other.close());
  assert.deepEqual(litert.input, other.input);
  assert.deepEqual(litert.outputs, other.outputs);
});

test('its outputs for noise are bit-identical to those of TensorFlow Lite 2.9 with XNNPACK', async (t) => {
  const litert = open(t);
  const other = openTfLite({ library: tensorflowlite, model, threads: 1 });
  t.after(() => other.close());
  for (const [seed, block] of [
    [1, 1],
    [2, 4],
    [3, 16],
    [4, 56],
  ] as const) {
    const sample = { id: 'noise', inputSha256: '', generator: 'xorshift32', seed, block } as const;
    const image = noiseImage(sample, (await loadBundle(factoryBundle())).manifest.input);
    assert.deepEqual(await litert.invoke(image), await other.invoke(image), `seed ${seed}`);
  }
});

test('its golden outputs are bit-identical to those of the kernels that made them', async (t) => {
  const bundle = await loadBundle(factoryBundle());
  const rule = bundle.manifest.runtimes.tflite?.golden;
  assert.ok(rule?.exact);
  const litert = open(t);
  // With this backend name, bit-identical outputs are required.
  const disguised = {
    backend: rule.kernels,
    threads: litert.threads,
    skipped: litert.skipped,
    input: litert.input,
    outputs: litert.outputs,
    invoke: litert.invoke.bind(litert),
    close: litert.close.bind(litert),
  };
  const prepare = (file: Uint8Array) => prepareImage(file, bundle);
  const passed = await checkGoldenSamples(bundle, 'tflite', disguised, prepare, () => performance.now());
  assert.ok(passed.ok, passed.ok ? '' : passed.fault.message);
  assert.equal(passed.value.exact, true);
});

/** A model with one operator, `edgetpu-custom-op`, whose uint8 input and output have the shape 1 x 2 x 2 x 3. */
const CUSTOM_OP_MODEL = Buffer.from(
  'DAAAAFRGTDMAAAAAxv///xQAAAAgAAAAJAAAAHABAAADAAAAAQAAAAgAAAAEAAQABAAAAAAAAAAAAAAAAQAAABQAAAAAAA4AGAAU' +
    'ABAADAAIAAQADgAAABQAAAAcAAAASAAAAEwAAABQAAAABAAAAG1haW4AAAAAAQAAABAAAAAAAAoADAAAAAgABAAKAAAACAAAAAwA' +
    'AAABAAAAAQAAAAEAAAAAAAAAAQAAAAEAAAABAAAAAAAAAAIAAABsAAAABAAAAKr///8QAAAALAAAAAAAAAMwAAAAnP///wgAAAAQ' +
    'AAAAAQAAAH8AAAAAAAAAAQAAAAAAADwGAAAAc2NvcmVzAAAEAAAAAQAAAAIAAAACAAAAAwAAAAAADgAUABAADwAAAAgABAAOAAAA' +
    'HAAAADwAAAAAAAADQAAAAAwADAAAAAAACAAEAAwAAAAIAAAAFAAAAAEAAAB/AAAAAAAAAAAAAAABAAAAAAAAPAUAAABpbWFnZQAA' +
    'AAQAAAABAAAAAgAAAAIAAAADAAAAAQAAABAAAAAMABAADwAIAAAABAAMAAAAIAAAAAgAAAAAAAAgEQAAAGVkZ2V0cHUtY3VzdG9t' +
    'LW9wAAAA',
  'base64',
);

test('an unknown operator fails each run, and the error names it', async (t) => {
  const interpreter = open(t, { model: CUSTOM_OP_MODEL });
  assert.deepEqual([...interpreter.outputs.keys()], ['scores']);
  for (const attempt of ['first', 'second']) {
    await assert.rejects(
      interpreter.invoke(new Uint8Array(12)),
      { code: 'invoke-failed', message: /^LiteRT 2\.3: .*unresolved custom op: edgetpu-custom-op/ },
      attempt,
    );
  }
});

test('a model that XNNPACK refuses fails each run, and the error contains the reason', async (t) => {
  // The scale of the output becomes so small that the last layer is out of XNNPACK's range.
  const scale = Buffer.alloc(4);
  const logits = (await loadBundle(factoryBundle())).manifest.outputs.logits?.tflite ?? '';
  scale.writeFloatLE(open(t).outputs.get(logits)?.scale ?? 0);
  const patched = Buffer.from(model);
  for (let at = patched.indexOf(scale); at >= 0; at = patched.indexOf(scale, at + 4))
    patched.writeFloatLE(1e-9, at);
  await assert.rejects(open(t, { model: patched }).invoke(grey), {
    code: 'invoke-failed',
    message: /failed to create XNNPACK runtime/,
  });
});

/** Runs a script in a separate process, with the function `name` of a file of litert/. Returns its output. */
const runSeparately = (file: string, name: string, script: string) => {
  const url = JSON.stringify(
    new URL(`../../../../device/perception/inference/litert/${file}`, import.meta.url),
  );
  return runModule(`const { ${name} } = await import(${url});\n${script}`);
};
const path = JSON.stringify(library);

test('does not write its log to stderr', async () => {
  const { stdout, stderr } = await runSeparately(
    'litert.js',
    'openLiteRt',
    `import { readFileSync } from 'node:fs';
    const open = (model) => openLiteRt({ library: ${path}, model, threads: 1 });
    const interpreter = open(readFileSync(${JSON.stringify(modelFile)}));
    await interpreter.invoke(new Uint8Array(${grey.length}));
    await interpreter.close();
    try { open(new Uint8Array(99)) } catch ({ code }) { console.log(code) }`,
  );
  assert.equal(stdout, 'model-invalid\n');
  assert.equal(stderr.replace('INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n', ''), '');
});

test('a process that only loads the library exits without an error', async () => {
  const script = `console.log(loadLiteRt(${path}).version)`;
  assert.equal((await runSeparately('library.js', 'loadLiteRt', script)).stdout, '2.3\n');
});

test('refuses a library other than LiteRT 2.3, and a file that is not a library', async (t) => {
  assert.throws(() => open(t, { library: tensorflowlite }), {
    code: 'native-unsupported',
    message: /libtensorflowlite_c\.so: not LiteRT 2\.3/,
  });
  const custom = join(await temporaryFolder(t), 'custom.so');
  await writeFile(custom, 'no library');
  assert.throws(() => open(t, { library: custom }), {
    code: 'native-damaged',
    message: /custom\.so: cannot be loaded/,
  });
});
