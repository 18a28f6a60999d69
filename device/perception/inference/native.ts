import { join, resolve } from 'node:path';
import { z } from 'zod';
import { messageOf, SortbinError } from '../../kit/errors.js';
import { packageRoot } from '../../kit/root.js';
import { checkFile, pathSchema, readLimited, sha256Schema } from './bundle/files.js';

/**
 * - `native-unsupported`: there is no library for this platform, or its version is not supported
 * - `native-damaged`: the file differs from the manifest, or cannot be loaded
 */
export type NativeErrorCode = 'native-unsupported' | 'native-damaged';

export class NativeError extends SortbinError<NativeErrorCode> {
  override readonly name = 'NativeError';
}

const fileSchema = z.object({
  path: pathSchema,
  /** `<os>-<architecture>`, with Node's names for both. */
  platform: z.string(),
  name: z.string(),
  version: z.string(),
  /**
   * Origin of the file. `package` is `npm:name@version` or `pypi:name@version`. `file` is the name of the archive, if the
   * registry has several for one version. `sha256` is the digest of the archive. `path` is the path in the archive. If
   * there is a `target`, `path` is a compiler, and the file is the project's C source compiled for that target.
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

/** Returns the folder of the vendored libraries. */
export const nativeFolder = (): string => join(packageRoot(), 'deploy', 'native');

/** Reads the manifest of a folder of native libraries. @throws NativeError `native-damaged` */
export const readNativeManifest = async (folder: string): Promise<NativeManifest> => {
  try {
    const text = await readLimited(folder, MANIFEST, MANIFEST_BYTES);
    return manifestSchema.parse(JSON.parse(text.toString('utf8')));
  } catch (cause) {
    throw new NativeError(
      'native-damaged',
      `${join(folder, MANIFEST)}: cannot be used (${messageOf(cause)}). ${FIX}`,
      { cause },
    );
  }
};

export interface LibraryOptions {
  /** `name` of the library in the manifest. */
  readonly name: string;
  /** Folder of the manifest; default: the vendored libraries. */
  readonly folder?: string;
  /** For example `linux-x64`; default: this machine. */
  readonly platform?: string;
  /** Path of a custom library, which is used unchecked. */
  readonly path?: string;
}

/** Returns the path of a library, after comparing the file with the manifest. @throws NativeError */
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
      `${options.name}: no library for ${platform}. Available for: ${platforms}. Configure the path of a library.`,
    );
  }
  const path = join(folder, file.path);
  await checkFile(folder, { file: file.path, sha256: file.sha256, bytes: file.bytes }).catch((cause) => {
    throw new NativeError('native-damaged', `${path}: ${messageOf(cause)}. ${FIX}`, { cause });
  });
  return path;
};

const FIX = 'Install sortbin again, or run `npm run native`.';
