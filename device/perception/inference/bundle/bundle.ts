import { realpath } from 'node:fs/promises';
import { z } from 'zod';
import { messageOf, SortbinError } from '../../../kit/errors.js';
import { checkFile, type FileDigest, FileMismatch, readChecked, readLimited } from './files.js';
import { incompatibility, LIMITS, type Manifest, manifestSchema } from './manifest.js';

/**
 * - `bundle-missing`: the folder does not exist, or has no manifest
 * - `bundle-invalid`: the manifest violates the format, or contradicts itself or labels.txt
 * - `bundle-damaged`: a file is missing or differs from the manifest
 * - `bundle-incompatible`: the bundle is valid, but this version does not support it
 */
export type BundleErrorCode = 'bundle-missing' | 'bundle-invalid' | 'bundle-damaged' | 'bundle-incompatible';

export class BundleError extends SortbinError<BundleErrorCode> {
  override readonly name = 'BundleError';
}

/** A model with its labels, calibration and golden samples. Every file that the manifest names has been checked. */
export interface Bundle {
  readonly folder: string;
  readonly manifest: Manifest;
}

/**
 * Reads a bundle. Checks its manifest, its labels, and the size and sha256 of each file that the manifest names.
 * @throws BundleError
 */
export const loadBundle = async (folder: string): Promise<Bundle> => {
  const real = await realFolder(folder);
  const manifest = await readManifest(real);
  await checkLabels(real, manifest);
  for (const digest of filesOf(manifest)) {
    await checkFile(real, digest).catch((thrown) => {
      throw damaged(real, digest.file, thrown);
    });
  }
  return { folder: real, manifest };
};

/** Reads a file of a bundle, and compares it with the manifest again. @throws BundleError `bundle-damaged` */
export const readBundleFile = (bundle: Bundle, digest: FileDigest): Promise<Buffer> =>
  readChecked(bundle.folder, digest).catch((thrown) => {
    throw damaged(bundle.folder, digest.file, thrown);
  });

/** Parses a JSON file of a bundle. @throws BundleError `bundle-invalid` */
export const parseBundleJson = <S extends z.ZodType>(
  folder: string,
  file: string,
  text: Uint8Array,
  schema: S,
): z.infer<S> => {
  let json: unknown;
  try {
    json = JSON.parse(textOf(text));
  } catch (cause) {
    throw invalidBundle(folder, `${file}: not valid JSON (${messageOf(cause)})`, cause);
  }
  if (isTooDeep(json)) throw invalidBundle(folder, `${file}: more than ${LIMITS.jsonLevels} levels`);
  const parsed = schema.safeParse(json);
  if (!parsed.success) throw invalidBundle(folder, `${file}: ${firstIssue(parsed.error)}`, parsed.error);
  return parsed.data;
};

/** Deep nesting would overflow the stack of the functions that print or compare the value. */
const isTooDeep = (json: unknown): boolean => {
  const innerOf = (value: unknown): unknown[] =>
    typeof value === 'object' && value !== null ? Object.values(value) : [];
  let values = [json];
  for (let level = 0; level <= LIMITS.jsonLevels; level++) values = values.flatMap(innerOf);
  return values.length > 0;
};

/** Decodes UTF-8. Some editors write a byte order mark, which is dropped. */
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

const MANIFEST = 'manifest.json';
const LABELS = 'labels.txt';
const NAME_A_BUNDLE = 'Name a folder that contains a bundle.';

/** Reads the manifest of a bundle, and checks no other file. @throws BundleError */
export const loadManifest = async (folder: string): Promise<Manifest> =>
  readManifest(await realFolder(folder));

const realFolder = (folder: string): Promise<string> =>
  realpath(folder).catch((cause) => {
    throw new BundleError('bundle-missing', `bundle ${folder}: no such folder. ${NAME_A_BUNDLE}`, { cause });
  });

const readManifest = async (folder: string): Promise<Manifest> => {
  const text = await readLimited(folder, MANIFEST, LIMITS.manifestBytes).catch((thrown) => {
    throw new BundleError(
      'bundle-missing',
      `bundle ${folder}: ${MANIFEST}: ${reasonOf(thrown)}. ${NAME_A_BUNDLE}`,
      { cause: thrown },
    );
  });
  const { schema } = parseBundleJson(folder, MANIFEST, text, z.object({ schema: z.int() }));
  if (schema !== 1) {
    throw incompatible(folder, `${MANIFEST}: schema is ${schema}, but this version supports only schema 1`);
  }
  const manifest = parseBundleJson(folder, MANIFEST, text, manifestSchema);
  const problem = incompatibility(manifest);
  if (problem) throw incompatible(folder, `${MANIFEST}: ${problem}`);
  return manifest;
};

const checkLabels = async (folder: string, { labels }: Manifest): Promise<void> => {
  const bytes = await readLimited(folder, LABELS, LIMITS.labelsBytes).catch((thrown) => {
    throw damaged(folder, LABELS, thrown);
  });
  const found = textOf(bytes).trimEnd().split(/\r?\n/);
  const length = Math.max(found.length, labels.length);
  for (let index = 0; index < length; index++) {
    if (found[index] === labels[index]) continue;
    const text = (label: string | undefined) => (label === undefined ? 'missing' : JSON.stringify(label));
    throw invalidBundle(
      folder,
      `${LABELS}: line ${index + 1} is ${text(found[index])}, but in ${MANIFEST} it is ${text(labels[index])}`,
    );
  }
};

const filesOf = ({ golden, runtimes }: Manifest): FileDigest[] => [
  golden,
  ...Object.values(runtimes).flatMap((runtime) =>
    runtime ? [runtime, runtime.golden, ...('weights' in runtime ? runtime.weights : [])] : [],
  ),
];

const damaged = (folder: string, file: string, thrown: unknown): BundleError =>
  new BundleError(
    'bundle-damaged',
    `bundle ${folder}: ${file}: ${reasonOf(thrown)}. Install the bundle again.`,
    { cause: thrown },
  );

/** The error of a bundle that contradicts itself. `problem`: a clause that begins with the name of the file. */
export const invalidBundle = (folder: string, problem: string, cause?: unknown): BundleError =>
  new BundleError('bundle-invalid', `bundle ${folder}: ${problem}. Export the bundle again.`, { cause });

const incompatible = (folder: string, problem: string): BundleError =>
  new BundleError(
    'bundle-incompatible',
    `bundle ${folder}: ${problem}. Install a bundle for this version, or a newer version of sortbin.`,
  );

const reasonOf = (thrown: unknown): string =>
  thrown instanceof FileMismatch ? thrown.message : `cannot be read (${messageOf(thrown)})`;

const firstIssue = (error: z.ZodError): string => {
  const [issue] = error.issues;
  return issue ? `${issue.path.join('.') || 'the file'}: ${issue.message}` : error.message;
};
