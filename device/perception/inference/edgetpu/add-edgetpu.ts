import {
  chmod,
  cp,
  lstat,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rename,
  rm,
  writeFile,
} from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { messageOf, SortbinError } from '../../../kit/errors.js';
import { type Bundle, loadBundle, parseBundleJson } from '../bundle/bundle.js';
import { readBounded, sha256Of } from '../bundle/files.js';
import { LIMITS, type Manifest, manifestSchema } from '../bundle/manifest.js';

/**
 * `edgetpu-unreadable`: the compiled file cannot be read; `edgetpu-unsuitable`: it is not a model that was compiled for
 * the Edge TPU out of this bundle's, or the bundle has none for it to stand beside; `edgetpu-version`: not a version, or
 * the old one; `edgetpu-exists`: the new bundle's folder is there already; `edgetpu-unwritable`.
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
  /** Folder of the bundle; it stays as it is. */
  readonly bundle: string;
  /** The bundle's int8 model, compiled by edgetpu_compiler. */
  readonly model: string;
  /** To be made. */
  readonly folder: string;
  /** Left out: the bundle's, with the build metadata `edgetpu`. */
  readonly version?: string | undefined;
  readonly createdMs: number;
}

const MANIFEST = 'manifest.json';
const MODEL = 'model_int8_edgetpu.tflite';
const CUSTOM_OP = 'edgetpu-custom-op';

/**
 * Writes a new bundle, whole or not at all: another one with a model for the Edge TPU. What that must answer are the
 * golden answers of the int8 model that it was compiled from, within their tolerance.
 * @throws BundleError of the bundle it is made from, AddEdgeTpuError
 */
export const addEdgeTpu = async (options: AddEdgeTpuOptions): Promise<Bundle> => {
  const folder = resolve(options.folder);
  if (await isThere(folder))
    throw new AddEdgeTpuError(
      'edgetpu-exists',
      `${folder}: exists, and a bundle never changes; name another folder`,
    );
  const bundle = await loadBundle(options.bundle);
  const model = await readModel(options.model, bundle);
  const manifest = await manifestWith(model, bundle, options);

  let made: string | null = null;
  try {
    await mkdir(dirname(folder), { recursive: true });
    made = await mkdtemp(join(dirname(folder), `.${basename(folder)}.`));
    await chmod(made, 0o755);
    await copyFiles(bundle.folder, made);
    await writeFile(join(made, MODEL), model, { flag: 'wx' });
    await writeFile(join(made, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`, { flag: 'wx' });
    await loadBundle(made);
    for (const path of await readdir(made, { recursive: true })) await sync(join(made, path));
    await sync(made);
    await rename(made, folder);
    await sync(dirname(folder));
  } catch (thrown) {
    if (made) await rm(made, { recursive: true, force: true });
    if (thrown instanceof SortbinError) throw thrown;
    const what = `bundle ${folder}: cannot be written (${messageOf(thrown)}); name a folder that can be`;
    throw new AddEdgeTpuError('edgetpu-unwritable', what, { cause: thrown });
  }
  return loadBundle(folder);
};

/** The names of the tensors that the int8 model gives its outputs in. */
const namesOf = ({ outputs }: Manifest): string[] =>
  Object.values(outputs).flatMap((names) => (names?.tflite === undefined ? [] : [names.tflite]));

const readModel = async (path: string, { manifest }: Bundle): Promise<Buffer> => {
  const bytes = await readBounded(dirname(path), basename(path), LIMITS.fileBytes).catch((cause) => {
    throw new AddEdgeTpuError('edgetpu-unreadable', `${path} ${messageOf(cause)}; name a compiled model`, {
      cause,
    });
  });
  const unsuitable = (what: string) =>
    new AddEdgeTpuError('edgetpu-unsuitable', `${path}: ${what}; how to compile one: docs/coral.md`);
  if (bytes.toString('latin1', 4, 8) !== 'TFL3') throw unsuitable('is not a TensorFlow Lite model');
  if (!holdsText(bytes, CUSTOM_OP))
    throw unsuitable(`is not compiled for the Edge TPU: it has no ${CUSTOM_OP}`);
  const missing = namesOf(manifest).filter((name) => !holdsText(bytes, name));
  if (missing.length > 0)
    throw unsuitable(
      `has no tensor ${missing.join(', ')}, an output of bundle ${manifest.name} ${manifest.version}; ` +
        'compile the int8 model of that very bundle',
    );
  return bytes;
};

/** Whether a text is in a flatbuffer: its length in 32 bits, its bytes, a zero. */
const holdsText = (flatbuffer: Buffer, text: string): boolean => {
  const found = Buffer.alloc(4 + Buffer.byteLength(text) + 1);
  found.writeUInt32LE(Buffer.byteLength(text));
  found.write(text, 4);
  return flatbuffer.includes(found);
};

const json = z.record(z.string(), z.unknown());
/** Not the manifest's schema, which drops the keys that this version does not know: they stay. */
const rawSchema = z.record(z.string(), z.unknown()).and(z.object({ outputs: json, runtimes: json }));

const manifestWith = async (
  model: Buffer,
  { folder, manifest }: Bundle,
  { version = tagged(manifest.version), createdMs }: AddEdgeTpuOptions,
): Promise<unknown> => {
  const { name, runtimes } = manifest;
  const what = `bundle ${name} ${manifest.version}`;
  if (!runtimes.tflite)
    throw new AddEdgeTpuError(
      'edgetpu-unsuitable',
      `${what}: has no int8 model, whose golden answers are needed`,
    );
  if (runtimes.edgetpu)
    throw new AddEdgeTpuError(
      'edgetpu-unsuitable',
      `${what}: has a model for edgetpu already; name one without`,
    );
  const checked = manifestSchema.shape.version.safeParse(version);
  if (!checked.success || version === manifest.version)
    throw new AddEdgeTpuError(
      'edgetpu-version',
      `version ${version}: name a semantic version, as 1.0.1, that is not the bundle's own, ${manifest.version}`,
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

/** Build metadata: https://semver.org, item 10. */
const tagged = (version: string): string => `${version}${version.includes('+') ? '.' : '+'}edgetpu`;

/** All plain files but those that are written anew, licence notices too; a link may lead anywhere. */
const copyFiles = (from: string, to: string): Promise<void> =>
  cp(from, to, {
    recursive: true,
    filter: async (path) => {
      if (path === join(from, MANIFEST) || path === join(from, MODEL)) return false;
      const status = await lstat(path);
      return status.isFile() || status.isDirectory();
    },
  });

const isThere = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );

const sync = async (path: string): Promise<void> => {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
};
