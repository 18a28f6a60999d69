import assert from 'node:assert/strict';
import { readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  BundleError,
  loadBundle,
  readBundleFile,
} from '../../../../device/perception/inference/bundle/bundle.js';
import { copyBundle, editJson, factoryBundle, temporaryFolder } from '../../../support/bundle-copy.js';

const refuses = (folder: string, code: BundleError['code'], ...names: (string | RegExp)[]) =>
  assert.rejects(loadBundle(folder), (thrown) => {
    assert.ok(thrown instanceof BundleError);
    assert.equal(thrown.code, code, thrown.message);
    for (const name of names)
      assert.match(thrown.message, typeof name === 'string' ? new RegExp(name) : name);
    return true;
  });

const copyWith = async (
  t: TestContext,
  change: (json: { input?: object; calibration?: object }) => unknown,
) => {
  const folder = await copyBundle(t);
  await editJson(join(folder, 'manifest.json'), change);
  return folder;
};

const factoryModel = async () => {
  const { tflite } = (await loadBundle(factoryBundle())).manifest.runtimes;
  assert.ok(tflite);
  return tflite;
};

test('accepts the factory bundle', async () => {
  const { manifest } = await loadBundle(factoryBundle());
  assert.equal(manifest.name, 'waste12');
  assert.equal(manifest.labels.length, 12);
  assert.ok(manifest.runtimes.tflite);
});

test('accepts a bundle without TensorFlow.js, and ignores keys of a later version', async (t) => {
  const folder = await copyWith(t, (manifest) => ({ ...manifest, flavour: 'new' }));
  const { manifest } = await loadBundle(folder);
  assert.equal(manifest.runtimes.tfjs, undefined);
  assert.equal('flavour' in manifest, false);
});

test('refuses a missing folder, and a folder without a manifest', async (t) => {
  const folder = await temporaryFolder(t);
  await refuses(join(folder, 'nowhere'), 'bundle-missing', /nowhere: no such folder\. Name a folder/);
  await refuses(folder, 'bundle-missing', /manifest\.json: the file is missing\. Name a folder/);
});

test('refuses a truncated model', async (t) => {
  const folder = await copyBundle(t);
  await truncate(join(folder, 'model_int8.tflite'), 1_000_000);
  const { bytes } = await factoryModel();
  await refuses(folder, 'bundle-damaged', `model_int8\\.tflite: 1000000 bytes, expected ${bytes}\\. Install`);
});

test('refuses a model with one flipped bit', async (t) => {
  const folder = await copyBundle(t);
  const path = join(folder, 'model_int8.tflite');
  const bytes = await readFile(path);
  bytes.writeUInt8(bytes.readUInt8(2_000_000) ^ 1, 2_000_000);
  await writeFile(path, bytes);
  const { sha256 } = await factoryModel();
  await refuses(folder, 'bundle-damaged', `model_int8\\.tflite: sha256 [0-9a-f]{64}, expected ${sha256}\\.`);
});

test('does not return a file that has changed since the bundle was loaded', async (t) => {
  const bundle = await loadBundle(await copyBundle(t));
  const model = bundle.manifest.runtimes.tflite;
  assert.ok(model);
  assert.equal((await readBundleFile(bundle, model)).length, model.bytes);
  await writeFile(join(bundle.folder, model.file), Buffer.alloc(model.bytes));
  await assert.rejects(readBundleFile(bundle, model), { code: 'bundle-damaged' });
});

test('refuses a bundle with a missing file', async (t) => {
  const folder = await copyBundle(t);
  await rm(join(folder, 'golden', 'tflite.json'));
  await refuses(folder, 'bundle-damaged', /golden\/tflite\.json: the file is missing/);
});

test('refuses a labels.txt in a different order, without one label, and a missing one', async (t) => {
  const folder = await copyBundle(t);
  const path = join(folder, 'labels.txt');
  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
  await writeFile(path, [...lines].reverse().join('\n'));
  await refuses(
    folder,
    'bundle-invalid',
    /labels\.txt: line 1 is "white-glass", but in manifest\.json it is "battery"/,
  );
  await writeFile(path, lines.slice(0, -1).join('\n'));
  await refuses(folder, 'bundle-invalid', /labels\.txt: line 12 is missing/);
  await rm(path);
  await refuses(folder, 'bundle-damaged', /labels\.txt: the file is missing/);
});

test('refuses a manifest that is not JSON', async (t) => {
  const folder = await copyBundle(t);
  await writeFile(join(folder, 'manifest.json'), '{ "schema": 1, ');
  await refuses(folder, 'bundle-invalid', 'manifest.json: not valid JSON');
});

test('refuses a manifest that is too large', async (t) => {
  const folder = await copyBundle(t);
  await writeFile(join(folder, 'manifest.json'), Buffer.alloc((1 << 20) + 1, ' '));
  await refuses(folder, 'bundle-missing', /manifest\.json: 1048577 bytes, but at most 1048576 are allowed/);
});

test('refuses an unknown schema', async (t) => {
  const folder = await copyWith(t, (manifest) => ({ ...manifest, schema: 2 }));
  await refuses(
    folder,
    'bundle-incompatible',
    /manifest\.json: schema is 2, but this version supports only schema 1/,
  );
});

test('refuses a model for an unsupported input', async (t) => {
  const folder = await copyWith(t, (manifest) => ({
    ...manifest,
    input: { ...manifest.input, kernel: 'cubic' },
  }));
  await refuses(
    folder,
    'bundle-incompatible',
    /input\.kernel is cubic, but this version supports only linear/,
  );
});

test('refuses a manifest with a missing key or an invalid value', async (t) => {
  const none = await copyWith(t, ({ calibration: _, ...manifest }) => manifest);
  await refuses(none, 'bundle-invalid', 'manifest.json: calibration');
  const cold = await copyWith(t, (manifest) => ({ ...manifest, calibration: { temperature: 0 } }));
  await refuses(cold, 'bundle-invalid', 'calibration.temperature');
  const twice = await copyWith(t, (manifest) => ({ ...manifest, labels: ['paper', 'paper'] }));
  await refuses(twice, 'bundle-invalid', 'labels: must not contain duplicates');
});

for (const path of [
  '../model_int8.tflite',
  '/etc/passwd',
  'golden/../../secret',
  './model_int8.tflite',
  'a\\b',
]) {
  test(`refuses a path that leaves the folder: ${path}`, async (t) => {
    const folder = await copyBundle(t, ({ runtimes }) => {
      runtimes.tflite.file = path;
    });
    await refuses(folder, 'bundle-invalid', /runtimes\.tflite\.file: must be a relative path that stays/);
  });
}

test('refuses a link that leaves the folder', async (t) => {
  const folder = await copyBundle(t);
  const path = join(folder, 'model_int8.tflite');
  await rm(path);
  await symlink(join(factoryBundle(), 'model_int8.tflite'), path);
  await refuses(folder, 'bundle-damaged', /model_int8\.tflite: symbolic link to .*, outside the folder/);
});

test('accepts a byte order mark in labels.txt and in the manifest', async (t) => {
  const folder = await copyBundle(t);
  for (const file of ['labels.txt', 'manifest.json']) {
    const path = join(folder, file);
    await writeFile(path, `\ufeff${await readFile(path, 'utf8')}`);
  }
  assert.equal((await loadBundle(folder)).manifest.labels[0], 'battery');
});

for (const label of ['pa per', 'pa\u001b[2Jper', 'pa\u009bper', 'pa\u202eper'])
  test(`refuses the label ${JSON.stringify(label)}`, async (t) => {
    const folder = await copyWith(t, (manifest) => Object.assign(manifest, { labels: [label, 'glass'] }));
    await refuses(
      folder,
      'bundle-invalid',
      /manifest\.json: labels\.0: must not contain (white space|control)/,
    );
  });

test('refuses a manifest that is nested too deeply to be printed', async (t) => {
  const folder = await copyBundle(t);
  const path = join(folder, 'manifest.json');
  const nested = `${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`;
  await writeFile(path, (await readFile(path, 'utf8')).replace('{', `{"other": ${nested},`));
  await refuses(folder, 'bundle-invalid', /manifest\.json: more than 32 levels/);
});

const absurd: [key: string, value: unknown][] = [
  ['calibration.temperature', 1e308],
  ['calibration.temperature', 1e-9],
  ['calibration.unfamiliar.threshold', 1e308],
  ['views.0', 1e-9],
  ['input.width', 1],
  ['runtimes.tflite.golden.clearMargin', 1e9],
  ['runtimes.tflite.golden.maxLogitDifference', 1e9],
];
for (const [key, value] of absurd)
  test(`refuses ${key} ${value}`, async (t) => {
    const folder = await copyWith(t, (manifest) => {
      const path = key.split('.');
      const last = path.pop() ?? '';
      Reflect.set(
        path.reduce<object>((at, part) => Reflect.get(at, part), manifest),
        last,
        value,
      );
    });
    await refuses(folder, 'bundle-invalid', `manifest\\.json: ${key}: Too`);
  });
