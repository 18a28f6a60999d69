import { chmod, cp, lstat, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { syncPath } from '../../../kit/durable-file.js';
import { messageOf, SortbinError } from '../../../kit/errors.js';
import { type Bundle, loadBundle, parseBundleJson } from '../bundle/bundle.js';
import { readLimited, sha256Of } from '../bundle/files.js';
import { LIMITS, type Manifest, manifestSchema } from '../bundle/manifest.js';

/**
 * - `edgetpu-unreadable`: the compiled model cannot be read
 * - `edgetpu-unsuitable`: the model is not this bundle's int8 model compiled for the Edge TPU, or the bundle cannot be
 *   extended: it has no int8 model, or already has a model for the Edge TPU
 * - `edgetpu-version`: the version is invalid or the same as the old one
 * - `edgetpu-exists`: the folder of the new bundle already exists
 * - `edgetpu-unwritable`: the new bundle cannot be written
 */
export type AddEdgeTpuErrorCode =
  | 'edgetpu-unreadable'
  | 'edgetpu-unsuitable'
  | 'edgetpu-version'
  | 'edgetpu-exists'
  | 'edgetpu-unwritable';

export class AddEdgeTpuError extends SortbinError<AddEdgeTpuErrorCode> {
  override readonly name = 'AddEdgeTpuError';
}

export interface AddEdgeTpuOptions {
  /** Folder of the source bundle, which is not changed. */
  readonly bundle: string;
  /** Path of the bundle's int8 model after compilation by edgetpu_compiler. */
  readonly model: string;
  /** Folder of the new bundle. Must not exist. */
  readonly folder: string;
  /** Version of the new bundle; default: newer than that of the source bundle, and older than its next release. */
  readonly version?: string | undefined;
  readonly createdMs: number;
}

const MANIFEST = 'manifest.json';
const MODEL = 'model_int8_edgetpu.tflite';
const CUSTOM_OPERATOR = 'edgetpu-custom-op';

/**
 * Copies a bundle and adds a model for the Edge TPU. The new folder appears only when it is complete. The golden
 * samples of the new model expect the outputs of the int8 model that it was compiled from, within their tolerance.
 * @throws BundleError if the source bundle cannot be used
 * @throws AddEdgeTpuError
 */
export const addEdgeTpu = async (options: AddEdgeTpuOptions): Promise<Bundle> => {
  const folder = resolve(options.folder);
  if (await exists(folder))
    throw new AddEdgeTpuError(
      'edgetpu-exists',
      `${folder}: already exists, and bundles are never changed. Name another folder.`,
    );
  const bundle = await loadBundle(options.bundle);
  const model = await readModel(options.model, bundle);
  const manifest = await manifestWith(model, bundle, options);

  let temporary: string | null = null;
  try {
    await mkdir(dirname(folder), { recursive: true });
    temporary = await mkdtemp(join(dirname(folder), `.${basename(folder)}.`));
    await chmod(temporary, 0o755);
    await copyFiles(bundle.folder, temporary);
    await writeFile(join(temporary, MODEL), model, { flag: 'wx' });
    await writeFile(join(temporary, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`, { flag: 'wx' });
    await loadBundle(temporary);
    for (const path of await readdir(temporary, { recursive: true })) syncPath(join(temporary, path));
    syncPath(temporary);
    await rename(temporary, folder);
    syncPath(dirname(folder));
  } catch (thrown) {
    if (temporary) await rm(temporary, { recursive: true, force: true });
    if (thrown instanceof SortbinError) throw thrown;
    const message = `bundle ${folder}: cannot be written (${messageOf(thrown)}). Name a writable folder.`;
    throw new AddEdgeTpuError('edgetpu-unwritable', message, { cause: thrown });
  }
  return loadBundle(folder);
};

/** Returns the names of the int8 model's output tensors. */
const outputNamesOf = ({ outputs }: Manifest): string[] =>
  Object.values(outputs).flatMap((names) => (names?.tflite === undefined ? [] : [names.tflite]));

const readModel = async (path: string, { manifest }: Bundle): Promise<Buffer> => {
  const bytes = await readLimited(dirname(path), basename(path), LIMITS.fileBytes).catch((cause) => {
    throw new AddEdgeTpuError('edgetpu-unreadable', `${path}: ${messageOf(cause)}. Name a compiled model.`, {
      cause,
    });
  });
  const unsuitable = (problem: string) =>
    new AddEdgeTpuError('edgetpu-unsuitable', `${path}: ${problem}. To compile a model, see docs/coral.md.`);
  if (bytes.toString('latin1', 4, 8) !== 'TFL3') throw unsuitable('not a TensorFlow Lite model');
  if (!containsString(bytes, CUSTOM_OPERATOR))
    throw unsuitable(`not compiled for the Edge TPU: it has no ${CUSTOM_OPERATOR}`);
  const missing = outputNamesOf(manifest).filter((name) => !containsString(bytes, name));
  if (missing.length > 0)
    throw unsuitable(
      `no tensor ${missing.join(', ')}, which is an output of bundle ${manifest.name} ${manifest.version}. ` +
        'Compile the int8 model of this bundle',
    );
  return bytes;
};

/** Whether a flatbuffer contains a string: 32 bits of length, the bytes, and a zero byte. */
const containsString = (flatbuffer: Buffer, text: string): boolean => {
  const encoded = Buffer.alloc(4 + Buffer.byteLength(text) + 1);
  encoded.writeUInt32LE(Buffer.byteLength(text));
  encoded.write(text, 4);
  return flatbuffer.includes(encoded);
};

const json = z.record(z.string(), z.unknown());
/** Keeps unknown keys. The manifest's schema would drop them. */
const rawSchema = z.record(z.string(), z.unknown()).and(z.object({ outputs: json, runtimes: json }));

const manifestWith = async (
  model: Buffer,
  { folder, manifest }: Bundle,
  { version = nextVersion(manifest.version), createdMs }: AddEdgeTpuOptions,
): Promise<unknown> => {
  const { name, runtimes } = manifest;
  const title = `bundle ${name} ${manifest.version}`;
  if (!runtimes.tflite)
    throw new AddEdgeTpuError(
      'edgetpu-unsuitable',
      `${title}: no int8 model. Its golden outputs are needed. Name a bundle with an int8 model.`,
    );
  if (runtimes.edgetpu)
    throw new AddEdgeTpuError(
      'edgetpu-unsuitable',
      `${title}: already has a model for the Edge TPU. Name a bundle without one.`,
    );
  const checked = manifestSchema.shape.version.safeParse(version);
  if (!checked.success || version === manifest.version)
    throw new AddEdgeTpuError(
      'edgetpu-version',
      `version ${version}: invalid. Use a semantic version such as 1.0.1 that differs from the bundle's version ${manifest.version}.`,
    );
  const raw = parseBundleJson(folder, MANIFEST, await readFile(join(folder, MANIFEST)), rawSchema);
  const outputs = Object.entries(manifest.outputs).flatMap(([output, names]) =>
    names?.tflite === undefined
      ? []
      : [[output, { ...Object(raw.outputs[output]), edgetpu: names.tflite }] as const],
  );
  const digest = { file: MODEL, sha256: sha256Of(model), bytes: model.length };
  const golden = { ...runtimes.tflite.golden, exact: false };
  return {
    ...raw,
    version,
    created: `${new Date(createdMs).toISOString().slice(0, 19)}Z`,
    outputs: { ...raw.outputs, ...Object.fromEntries(outputs) },
    runtimes: { ...raw.runtimes, edgetpu: { ...digest, golden } },
  };
};

/**
 * Returns a pre-release of the next version: `1.3.1-edgetpu` after `1.3.0`. A bin takes only what is newer than its
 * bundle. Build metadata would have no order, see item 10 of https://semver.org, and `-edgetpu` alone would be older.
 */
const nextVersion = (version: string): string => {
  const [, release = '', patch = '0', preRelease] = /^(\d+\.\d+)\.(\d+)(-[^+]+)?/.exec(version) ?? [];
  return preRelease === undefined
    ? `${release}.${BigInt(patch) + 1n}-edgetpu`
    : `${release}.${patch}${preRelease}.edgetpu`;
};

/**
 * Copies all regular files, licence notices included, except the files that are rewritten. Links could lead anywhere.
 */
const copyFiles = (from: string, to: string): Promise<void> =>
  cp(from, to, {
    recursive: true,
    filter: async (path) => {
      if (path === join(from, MANIFEST) || path === join(from, MODEL)) return false;
      const status = await lstat(path);
      return status.isFile() || status.isDirectory();
    },
  });

const exists = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );
