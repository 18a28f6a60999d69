import assert from 'node:assert/strict';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  findLibrary,
  nativeFolder,
  readNativeManifest,
} from '../../../device/perception/inference/native.js';
import { loadTfLite } from '../../../device/perception/inference/tflite/library.js';
import { temporaryFolder } from '../../support/bundle-copy.js';

const name = 'tensorflowlite-c';

test('each vendored library matches the manifest', async () => {
  const { files } = await readNativeManifest(nativeFolder());
  assert.deepEqual(files.map(({ name, platform }) => `${name} ${platform}`).sort(), [
    'litert linux-arm64',
    'litert linux-x64',
    'sortbin-camera linux-arm',
    'sortbin-camera linux-arm64',
    'sortbin-camera linux-x64',
    'sortbin-io linux-arm',
    'sortbin-io linux-arm64',
    'sortbin-io linux-x64',
    'sortbin-notify linux-arm',
    'sortbin-notify linux-arm64',
    'sortbin-notify linux-x64',
    'tensorflowlite-c linux-arm64',
    'tensorflowlite-c linux-x64',
  ]);
  for (const file of files) {
    const path = await findLibrary({ name: file.name, platform: file.platform });
    assert.equal(path, join(nativeFolder(), file.path));
  }
});

test('the library for this machine is TensorFlow Lite 2.9.0', async () => {
  assert.equal(loadTfLite(await findLibrary({ name })).version, '2.9.0');
});

test('refuses a platform without a library', async () => {
  await assert.rejects(findLibrary({ name, platform: 'win32-x64' }), {
    code: 'native-unsupported',
    message: /tensorflowlite-c: no library for win32-x64\. Available for: linux-x64, linux-arm64\./,
  });
});

test('refuses a library with an extra byte, and one with a changed byte', async (t) => {
  const folder = await temporaryFolder(t);
  await cp(nativeFolder(), folder, { recursive: true });
  const path = join(folder, 'linux-arm64', 'libtensorflowlite_c.so');
  const bytes = await readFile(path);
  await writeFile(path, Buffer.concat([bytes, Buffer.alloc(1)]));
  const find = () => findLibrary({ name, folder, platform: 'linux-arm64' });
  await assert.rejects(find(), {
    code: 'native-damaged',
    message: /libtensorflowlite_c\.so: 3301593 bytes, expected \d+\. Install/,
  });
  bytes.writeUInt8(bytes.readUInt8(1_000_000) ^ 0xff, 1_000_000);
  await writeFile(path, bytes);
  await assert.rejects(find(), { code: 'native-damaged', message: /libtensorflowlite_c\.so: sha256 / });
});

test('refuses a folder without a manifest', async (t) => {
  const folder = await temporaryFolder(t);
  await assert.rejects(findLibrary({ name, folder }), { code: 'native-damaged', message: /manifest\.json/ });
});

test('uses a custom path unchecked, and refuses an invalid library when it is loaded', async (t) => {
  const folder = await temporaryFolder(t);
  const path = join(folder, 'custom.so');
  await writeFile(path, 'no library');
  assert.equal(await findLibrary({ name, path }), path);
  assert.throws(() => loadTfLite(path), { code: 'native-damaged', message: /custom\.so: cannot be loaded/ });
});
