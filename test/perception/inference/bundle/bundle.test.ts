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

test('the factory bundle is whole', async () => {
  const { manifest } = await loadBundle(factoryBundle());
  assert.equal(manifest.name, 'waste12');
  assert.equal(manifest.labels.length, 12);
  assert.ok(manifest.runtimes.tflite);
});

test('a copy without TensorFlow.js is a bundle as well, and keys of a later version are ignored', async (t) => {
  const folder = await copyWith(t, (manifest) => ({ ...manifest, flavour: 'new' }));
  const { manifest } = await loadBundle(folder);
  assert.equal(manifest.runtimes.tfjs, undefined);
  assert.equal('flavour' in manifest, false);
});

test('a missing folder, and one without a manifest', async (t) => {
  const folder = await temporaryFolder(t);
  await refuses(join(folder, 'nowhere'), 'bundle-missing', 'nowhere');
  await refuses(folder, 'bundle-missing', 'manifest.json is missing');
});

test('a truncated model', async (t) => {
  const folder = await copyBundle(t);
  await truncate(join(folder, 'model_int8.tflite'), 1_000_000);
  const { bytes } = await factoryModel();
  await refuses(folder, 'bundle-damaged', `model_int8\\.tflite has 1000000 bytes; ${bytes} were expected`);
});

test('one flipped bit in the model', async (t) => {
  const folder = await copyBundle(t);
  const path = join(folder, 'model_int8.tflite');
  const bytes = await readFile(path);
  bytes.writeUInt8(bytes.readUInt8(2_000_000) ^ 1, 2_000_000);
  await writeFile(path, bytes);
  const { sha256 } = await factoryModel();
  await refuses(folder, 'bundle-damaged', `model_int8\\.tflite has the sha256 [0-9a-f]{64}; ${sha256} was`);
});

test('a file that changes after the bundle was loaded is not handed out', async (t) => {
  const bundle = await loadBundle(await copyBundle(t));
  const model = bundle.manifest.runtimes.tflite;
  assert.ok(model);
  assert.equal((await readBundleFile(bundle, model)).length, model.bytes);
  await writeFile(join(bundle.folder, model.file), Buffer.alloc(model.bytes));
  await assert.rejects(readBundleFile(bundle, model), { code: 'bundle-damaged' });
});

test('a missing file', async (t) => {
  const folder = await copyBundle(t);
  await rm(join(folder, 'golden', 'tflite.json'));
  await refuses(folder, 'bundle-damaged', 'golden/tflite.json is missing');
});

test('labels.txt in another order, with a label less, and missing', async (t) => {
  const folder = await copyBundle(t);
  const path = join(folder, 'labels.txt');
  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
  await writeFile(path, [...lines].reverse().join('\n'));
  await refuses(
    folder,
    'bundle-invalid',
    /labels\.txt line 1 is "white-glass", manifest\.json says "battery"/,
  );
  await writeFile(path, lines.slice(0, -1).join('\n'));
  await refuses(folder, 'bundle-invalid', /labels\.txt line 12 is nothing/);
  await rm(path);
  await refuses(folder, 'bundle-damaged', 'labels.txt is missing');
});

test('a manifest that is not JSON', async (t) => {
  const folder = await copyBundle(t);
  await writeFile(join(folder, 'manifest.json'), '{ "schema": 1, ');
  await refuses(folder, 'bundle-invalid', 'manifest.json is not JSON');
});

test('a manifest of more than its bound', async (t) => {
  const folder = await copyBundle(t);
  await writeFile(join(folder, 'manifest.json'), Buffer.alloc((1 << 20) + 1, ' '));
  await refuses(folder, 'bundle-missing', /manifest\.json has 1048577 bytes; at most 1048576 are allowed/);
});

test('a schema that this version does not know', async (t) => {
  const folder = await copyWith(t, (manifest) => ({ ...manifest, schema: 2 }));
  await refuses(folder, 'bundle-incompatible', /manifest\.json has schema 2; this version reads schema 1/);
});

test('a model for another input', async (t) => {
  const folder = await copyWith(t, (manifest) => ({
    ...manifest,
    input: { ...manifest.input, kernel: 'cubic' },
  }));
  await refuses(folder, 'bundle-incompatible', /input\.kernel is cubic; this version serves linear alone/);
});

test('a manifest that lacks a key, or has a wrong value', async (t) => {
  const none = await copyWith(t, ({ calibration: _, ...manifest }) => manifest);
  await refuses(none, 'bundle-invalid', 'manifest.json: calibration');
  const cold = await copyWith(t, (manifest) => ({ ...manifest, calibration: { temperature: 0 } }));
  await refuses(cold, 'bundle-invalid', 'calibration.temperature');
  const twice = await copyWith(t, (manifest) => ({ ...manifest, labels: ['paper', 'paper'] }));
  await refuses(twice, 'bundle-invalid', 'labels: must be different');
});

for (const path of [
  '../model_int8.tflite',
  '/etc/passwd',
  'golden/../../secret',
  './model_int8.tflite',
  'a\\b',
]) {
  test(`a path that leaves the folder: ${path}`, async (t) => {
    const folder = await copyBundle(t, ({ runtimes }) => {
      runtimes.tflite.file = path;
    });
    await refuses(folder, 'bundle-invalid', /runtimes\.tflite\.file: must be a relative path that stays/);
  });
}

test('a link that leaves the folder', async (t) => {
  const folder = await copyBundle(t);
  const path = join(folder, 'model_int8.tflite');
  await rm(path);
  await symlink(join(factoryBundle(), 'model_int8.tflite'), path);
  await refuses(folder, 'bundle-damaged', /model_int8\.tflite is a link to .*, outside the folder/);
});
