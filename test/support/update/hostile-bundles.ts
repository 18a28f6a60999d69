import { execFile } from 'node:child_process';
import { appendFile, cp, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
import { packageRoot } from '../../../device/kit/root.js';
import { sha256Of } from '../../../device/perception/inference/bundle/files.js';
import { findLibrary } from '../../../device/perception/inference/native.js';
import { copyBundle, factoryBundle, quickBundle, temporaryFolder, updateDigests } from '../bundle-copy.js';

type Behaviour = 'unloadable' | 'kills' | 'fills' | 'slow' | 'slower' | 'stutters' | 'hangs' | 'fails';
type Test = Pick<TestContext, 'after'>;

/** Builds the library that makes a bundle hostile. `hanging`: the file that exists when an inference hangs. */
export const hostileLibrary = async (t: Test) => {
  const folder = await temporaryFolder(t);
  const [library, hanging] = [join(folder, 'libhostile.so'), join(folder, 'hanging')];
  const real = await findLibrary({ name: 'tensorflowlite-c' });
  const source = join(packageRoot(), 'test', 'support', 'update', 'hostile-tflite.c');
  const defines = [`-DREAL="${real}"`, `-DHANGING="${hanging}"`];
  const links = [
    '-Wl,--no-as-needed',
    `-L${dirname(real)}`,
    `-l:${basename(real)}`,
    `-Wl,-rpath,${dirname(real)}`,
  ];
  const flags = ['-shared', '-fPIC', '-O1', '-Wall', '-Wextra', '-Werror', ...defines];
  await promisify(execFile)('gcc', [...flags, source, '-o', library, ...links, '-ldl']);
  return { library, hanging };
};

/** Makes a bundle that behaves like this in the hostile library. `good`: so many inferences of a process succeed first. */
export const hostileBundle = async (t: Test, behaviour: Behaviour, good = 0): Promise<string> => {
  const folder = await quickBundle(t, setVersion);
  await appendFile(join(folder, 'model_int8.tflite'), `hostile:${behaviour}:${good}`);
  await updateDigests(folder);
  return toSlot(t, folder);
};

/** A copy of the factory bundle with one golden sample, version 2.0.0. */
export const goodBundle = async (t: Test): Promise<string> => toSlot(t, await quickBundle(t, setVersion));

/** Two labels of manifest.json and labels.txt are swapped. The golden samples are as before. */
export const swappedBundle = async (t: Test): Promise<string> => {
  let text = '';
  const folder = await copyBundle(t, (manifest) => {
    setVersion(manifest);
    const [first = '', second = '', ...rest] = manifest.labels;
    manifest.labels = [second, first, ...rest];
    text = `${manifest.labels.join('\n')}\n`;
  });
  await writeFile(join(folder, 'labels.txt'), text);
  return toSlot(t, folder);
};

interface TfjsManifest {
  version: string;
  runtimes: { tfjs: { weights: { file: string; sha256: string }[] } };
}

/** The last weights of the TensorFlow.js model: the bias of 12 logits, as 16-bit floats. */
const BIAS_BYTES = 24;

/** The whole factory bundle, with its TensorFlow.js model. `isNumber`: whether the logits of that model are numbers. */
export const tfjsBundle = async (t: Test, isNumber = true): Promise<string> => {
  const folder = await temporaryFolder(t);
  await cp(factoryBundle(), folder, { recursive: true });
  const path = join(folder, 'manifest.json');
  const manifest = JSON.parse(await readFile(path, 'utf8')) as TfjsManifest;
  setVersion(manifest);
  const last = manifest.runtimes.tfjs.weights.at(-1);
  if (last && !isNumber) {
    const bytes = await readFile(join(folder, last.file));
    bytes.fill(0xff, bytes.length - BIAS_BYTES);
    await writeFile(join(folder, last.file), bytes);
    last.sha256 = sha256Of(bytes);
  }
  await writeFile(path, JSON.stringify(manifest));
  return toSlot(t, folder);
};

const setVersion = (manifest: { version: string }): void => {
  manifest.version = '2.0.0';
};

/** Moves a bundle to a folder that is named after its id, as in the store. */
export const toSlot = async (t: Test, folder: string): Promise<string> => {
  const { name, version } = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8'));
  const slots = await temporaryFolder(t);
  await mkdir(slots, { recursive: true });
  const slot = join(slots, `${name}@${version}`);
  await rename(folder, slot);
  return slot;
};
