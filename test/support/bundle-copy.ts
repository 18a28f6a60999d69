import { createHash } from 'node:crypto';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { packageRoot } from '../../device/kit/root.js';
import { loadBundle } from '../../device/perception/inference/bundle/bundle.js';

export const factoryBundle = (): string => join(packageRoot(), 'deploy', 'model');

/** The input of the factory model, and its size in bytes of RGB. */
export const factoryInput = (await loadBundle(factoryBundle())).manifest.input;
export const factoryInputBytes = factoryInput.width * factoryInput.height * 3;

export const temporaryFolder = async (t: Pick<TestContext, 'after'>): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'sortbin-test-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
};

type Json = Record<string, unknown>;

/** Rewrites a JSON file. `change` may modify the value, or return a new one. */
export const editJson = async <T = Json>(path: string, change: (json: T) => unknown): Promise<void> => {
  const json = JSON.parse(await readFile(path, 'utf8'));
  await writeFile(path, JSON.stringify(change(json) ?? json));
};

interface DigestedManifest {
  version: string;
  labels: string[];
  golden: FileEntry;
  views: number[];
  calibration: { temperature: number };
  runtimes: { tflite: FileEntry & { golden: FileEntry & { clearMargin: number } }; tfjs?: unknown };
}
interface FileEntry {
  file: string;
  sha256: string;
  bytes: number;
}

/** Copies the factory bundle without its TensorFlow.js model. A test may change the copy. */
export const copyBundle = async (
  t: Pick<TestContext, 'after'>,
  change: (manifest: DigestedManifest) => void = () => {},
): Promise<string> => {
  const folder = await temporaryFolder(t);
  const tfjs = join(factoryBundle(), 'tfjs');
  await cp(factoryBundle(), folder, { recursive: true, filter: (path) => path !== tfjs });
  await editJson<DigestedManifest>(join(folder, 'manifest.json'), (manifest) => {
    delete manifest.runtimes.tfjs;
    change(manifest);
  });
  return folder;
};

/** Updates the digests in the manifest, so that a changed bundle is valid again. */
export const updateDigests = async (folder: string): Promise<void> => {
  const path = join(folder, 'manifest.json');
  const manifest = JSON.parse(await readFile(path, 'utf8'));
  for (const entry of entriesIn(manifest)) {
    const bytes = await readFile(join(folder, entry.file));
    entry.bytes = bytes.length;
    entry.sha256 = createHash('sha256').update(bytes).digest('hex');
  }
  await writeFile(path, JSON.stringify(manifest));
};

/** Returns the entries of files in a manifest, at any level. */
const entriesIn = (value: unknown): FileEntry[] => {
  if (typeof value !== 'object' || value === null) return [];
  const inner = Object.values(value).flatMap(entriesIn);
  return 'file' in value && 'sha256' in value ? [value as FileEntry, ...inner] : inner;
};

/** Copies the factory bundle with only one golden sample, which starts faster. */
export const quickBundle = async (
  t: Pick<TestContext, 'after'>,
  change: (manifest: DigestedManifest) => void = () => {},
): Promise<string> => {
  const folder = await copyBundle(t, change);
  await editJson<{ inputs: unknown[] }>(join(folder, 'golden', 'inputs.json'), ({ inputs, ...rest }) => ({
    ...rest,
    inputs: inputs.slice(0, 1),
  }));
  await updateDigests(folder);
  return folder;
};

/** Copies the factory bundle as version 2.0.0 with other labels: `b-paper` instead of `paper`. */
export const relabelledBundle = async (t: Pick<TestContext, 'after'>): Promise<string> => {
  let labels: string[] = [];
  const folder = await quickBundle(t, (manifest) => {
    labels = manifest.labels.map((label) => `b-${label}`);
    Object.assign(manifest, { version: '2.0.0', labels });
  });
  await writeFile(join(folder, 'labels.txt'), `${labels.join('\n')}\n`);
  await editJson<{ expected: { top: string }[] }>(join(folder, 'golden', 'tflite.json'), (answers) => {
    for (const sample of answers.expected) sample.top = `b-${sample.top}`;
    return { ...answers, labels };
  });
  await updateDigests(folder);
  return folder;
};
