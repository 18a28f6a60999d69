import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { loadBundle } from '../../../../device/perception/inference/bundle/bundle.js';
import { passGolden } from '../../../../device/perception/inference/golden/golden.js';
import { noisePicture } from '../../../../device/perception/inference/golden/samples.js';
import { type LiteRtOptions, openLiteRt } from '../../../../device/perception/inference/litert/litert.js';
import { findLibrary } from '../../../../device/perception/inference/native.js';
import { openTfLite } from '../../../../device/perception/inference/tflite/tflite.js';
import { decode, findRegion, resize } from '../../../../device/perception/vision/preprocess.js';
import {
  factoryBundle,
  factoryInput,
  factoryInputBytes,
  temporaryFolder,
} from '../../../support/bundle-copy.js';
import { inProcess } from '../../../support/in-process.js';

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

test('it names its kernels, and the tensors as TensorFlow Lite does', (t) => {
  const litert = open(t);
  assert.equal(litert.backend, 'xnnpack-litert-2.3');
  assert.deepEqual(litert.passedOver, []);
  const other = openTfLite({ library: tensorflowlite, model, threads: 1 });
  t.after(() => other.close());
  assert.deepEqual(litert.input, other.input);
  assert.deepEqual(litert.outputs, other.outputs);
});

test('its outputs have the bits of TensorFlow Lite 2.9 with XNNPACK, on noise', async (t) => {
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
    const picture = noisePicture(sample, (await loadBundle(factoryBundle())).manifest.input);
    assert.deepEqual(await litert.invoke(picture), await other.invoke(picture), `seed ${seed}`);
  }
});

test('it answers the golden samples with the bits of the kernels that made them', async (t) => {
  const bundle = await loadBundle(factoryBundle());
  const rule = bundle.manifest.runtimes.tflite?.golden;
  assert.ok(rule?.exact);
  const litert = open(t);
  // Under their name equal bits are asked for.
  const disguised = {
    backend: rule.kernels,
    threads: litert.threads,
    passedOver: litert.passedOver,
    input: litert.input,
    outputs: litert.outputs,
    invoke: litert.invoke.bind(litert),
    close: litert.close.bind(litert),
  };
  const prepare = async (file: Uint8Array) => {
    const picture = await decode(file);
    assert.ok(picture.ok);
    return resize(picture.value, findRegion(picture.value), factoryInput);
  };
  const passed = await passGolden(bundle, 'tflite', disguised, prepare, () => performance.now());
  assert.ok(passed.ok, passed.ok ? '' : passed.fault.message);
  assert.equal(passed.value.exact, true);
});

/** One operator, `edgetpu-custom-op`, from a uint8 input of 1 x 2 x 2 x 3 to an output like it. */
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

test('an operator that it lacks fails each run, and the error names it', async (t) => {
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

test('a model that XNNPACK does not take fails each run; the error says why', async (t) => {
  // The output's scale, made so fine that the last layer is out of XNNPACK's range.
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

/** What a process says that runs the script with the function `name` of a file of the room. */
const alone = (file: string, name: string, script: string) => {
  const url = JSON.stringify(
    new URL(`../../../../device/perception/inference/litert/${file}`, import.meta.url),
  );
  return inProcess(`const { ${name} } = await import(${url});\n${script}`);
};
const path = JSON.stringify(library);

test('it does not write its log to stderr', async () => {
  const { stdout, stderr } = await alone(
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

test('a process that has loaded it, and no more, ends well', async () => {
  const script = `console.log(loadLiteRt(${path}).version)`;
  assert.equal((await alone('library.js', 'loadLiteRt', script)).stdout, '2.3\n');
});

test('another library than LiteRT 2.3, and none at all', async (t) => {
  assert.throws(() => open(t, { library: tensorflowlite }), {
    code: 'native-unsupported',
    message: /libtensorflowlite_c\.so is not LiteRT 2\.3/,
  });
  const mine = join(await temporaryFolder(t), 'mine.so');
  await writeFile(mine, 'no library');
  assert.throws(() => open(t, { library: mine }), {
    code: 'native-damaged',
    message: /mine\.so cannot be loaded/,
  });
});
