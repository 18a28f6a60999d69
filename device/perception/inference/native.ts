import { join, resolve } from 'node:path';
import { z } from 'zod';
import { messageOf, SortbinError } from '../../kit/errors.js';
import { packageRoot } from '../../kit/root.js';
import { checkFile, pathSchema, readBounded, sha256Schema } from './bundle/files.js';

/**
 * `native-unsupported`: there is no library for this platform, or not of the version that is spoken here;
 * `native-damaged`: the file is not the one that the manifest names, or cannot be loaded.
 */
export type NativeErrorCode = 'native-unsupported' | 'native-damaged';

export class NativeError extends SortbinError<NativeErrorCode> {
  override readonly name = 'NativeError';
}

const fileSchema = z.object({
  path: pathSchema,
  /** `<os>-<architecture>`, as Node names them. */
  platform: z.string(),
  name: z.string(),
  version: z.string(),
  /**
   * The package that it was taken from, `npm:name@version` or `pypi:name@version`; the name of its archive where the
   * registry has several for a version; the archive's sha256; the path in it. With a `target` the path is a compiler's,
   * and the file is what it makes of our own C source for that target.
   */
  source: z.object({
    package: z.string(),
    file: pathSchema.optional(),
    sha256: sha256Schema,
    path: pathSchema,
    target: z.string().optional(),
  }),
  sha256: sha256Schema,
  bytes: z.int().positive(),
  licence: z.string(),
});

const manifestSchema = z.object({ schema: z.literal(1), files: z.array(fileSchema) });

export type NativeFile = z.infer<typeof fileSchema>;
export type NativeManifest = z.infer<typeof manifestSchema>;

const MANIFEST = 'manifest.json';
const MANIFEST_BYTES = 1 << 20;

/** Where the vendored libraries lie. */
export const nativeFolder = (): string => join(packageRoot(), 'deploy', 'native');

/** Reads the manifest of a folder of native libraries. @throws NativeError `native-damaged` */
export const readNativeManifest = async (folder: string): Promise<NativeManifest> => {
  try {
    const text = await readBounded(folder, MANIFEST, MANIFEST_BYTES);
    return manifestSchema.parse(JSON.parse(text.toString('utf8')));
  } catch (cause) {
    throw new NativeError(
      'native-damaged',
      `${join(folder, MANIFEST)} cannot be used (${messageOf(cause)}); ${CURE}`,
      { cause },
    );
  }
};

export interface LibraryOptions {
  /** The library's `name` in the manifest. */
  readonly name: string;
  /** The manifest's folder; where it is left out, the vendored one. */
  readonly folder?: string;
  /** Where it is left out, this machine's, as `linux-x64`. */
  readonly platform?: string;
  /** A library of the owner's own: used as it is, unchecked. */
  readonly path?: string;
}

/** The path of a library that may be loaded: it is the one that the manifest names. @throws NativeError */
export const findLibrary = async (options: LibraryOptions): Promise<string> => {
  if (options.path !== undefined) return resolve(options.path);
  const folder = options.folder ?? nativeFolder();
  const platform = options.platform ?? `${process.platform}-${process.arch}`;
  const candidates = (await readNativeManifest(folder)).files.filter(({ name }) => name === options.name);
  const file = candidates.find((candidate) => candidate.platform === platform);
  if (!file) {
    const platforms = candidates.map((candidate) => candidate.platform).join(', ') || 'none';
    throw new NativeError(
      'native-unsupported',
      `there is no library ${options.name} for ${platform}, only for: ${platforms}; configure a library's path`,
    );
  }
  const path = join(folder, file.path);
  await checkFile(folder, { file: file.path, sha256: file.sha256, bytes: file.bytes }).catch((cause) => {
    throw new NativeError('native-damaged', `${path} ${messageOf(cause)}; ${CURE}`, { cause });
  });
  return path;
};

const CURE = 'install sortbin again, or run `npm run native`';
