import { realpath } from 'node:fs/promises';
import { z } from 'zod';
import { messageOf, SortbinError } from '../../../kit/errors.js';
import { checkFile, type FileDigest, FileMismatch, readBounded, readChecked } from './files.js';
import { incompatibility, LIMITS, type Manifest, manifestSchema } from './manifest.js';

/**
 * `bundle-missing`: no such folder, or no manifest in it; `bundle-invalid`: the manifest contradicts the format or
 * itself; `bundle-damaged`: a file is not the one that the manifest names; `bundle-incompatible`: well-formed, but
 * not for this version.
 */
export type BundleErrorCode = 'bundle-missing' | 'bundle-invalid' | 'bundle-damaged' | 'bundle-incompatible';

export class BundleError extends SortbinError<BundleErrorCode> {
  override readonly name = 'BundleError';
}

/** A model with all that belongs to it, checked file by file. Immutable. */
export interface Bundle {
  readonly folder: string;
  readonly manifest: Manifest;
}

/**
 * Reads and checks a bundle: its manifest, its labels, size and sha256 of each file that the manifest names.
 * @throws BundleError
 */
export const loadBundle = async (folder: string): Promise<Bundle> => {
  const real = await realpath(folder).catch((cause) => {
    throw new BundleError(
      'bundle-missing',
      `bundle ${folder}: there is no such folder; point at a folder that holds a bundle`,
      {
        cause,
      },
    );
  });
  const manifest = await readManifest(real);
  await checkLabels(real, manifest);
  for (const digest of filesOf(manifest)) {
    await checkFile(real, digest).catch((thrown) => {
      throw damaged(real, digest.file, thrown);
    });
  }
  return { folder: real, manifest };
};

/** Reads one of a bundle's files, and checks again that it is the one that the manifest names. @throws BundleError */
export const readBundleFile = (bundle: Bundle, digest: FileDigest): Promise<Buffer> =>
  readChecked(bundle.folder, digest).catch((thrown) => {
    throw damaged(bundle.folder, digest.file, thrown);
  });

/** Parses one of a bundle's JSON files. @throws BundleError `bundle-invalid` */
export const parseBundleJson = <S extends z.ZodType>(
  folder: string,
  file: string,
  text: Uint8Array,
  schema: S,
): z.infer<S> => {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(text).toString('utf8'));
  } catch (cause) {
    throw invalid(folder, `${file} is not JSON (${messageOf(cause)})`, cause);
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) throw invalid(folder, `${file}: ${firstIssue(parsed.error)}`, parsed.error);
  return parsed.data;
};

const MANIFEST = 'manifest.json';
const LABELS = 'labels.txt';

const readManifest = async (folder: string): Promise<Manifest> => {
  const text = await readBounded(folder, MANIFEST, LIMITS.manifestBytes).catch((thrown) => {
    throw new BundleError(
      'bundle-missing',
      `bundle ${folder}: ${MANIFEST} ${reasonOf(thrown)}; point at a folder that holds a bundle`,
      { cause: thrown },
    );
  });
  const { schema } = parseBundleJson(folder, MANIFEST, text, z.object({ schema: z.int() }));
  if (schema !== 1) {
    throw incompatible(folder, `${MANIFEST} has schema ${schema}; this version reads schema 1`);
  }
  const manifest = parseBundleJson(folder, MANIFEST, text, manifestSchema);
  const why = incompatibility(manifest);
  if (why) throw incompatible(folder, `${MANIFEST}: ${why}`);
  return manifest;
};

const checkLabels = async (folder: string, { labels }: Manifest): Promise<void> => {
  const bytes = await readBounded(folder, LABELS, LIMITS.labelsBytes).catch((thrown) => {
    throw damaged(folder, LABELS, thrown);
  });
  const found = bytes.toString('utf8').trimEnd().split(/\r?\n/);
  const length = Math.max(found.length, labels.length);
  for (let index = 0; index < length; index++) {
    if (found[index] === labels[index]) continue;
    const text = (label: string | undefined) => (label === undefined ? 'nothing' : JSON.stringify(label));
    throw invalid(
      folder,
      `${LABELS} line ${index + 1} is ${text(found[index])}, ${MANIFEST} says ${text(labels[index])}`,
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
    `bundle ${folder}: ${file} ${reasonOf(thrown)}; install the bundle again`,
    { cause: thrown },
  );

const invalid = (folder: string, what: string, cause?: unknown): BundleError =>
  new BundleError('bundle-invalid', `bundle ${folder}: ${what}; export the bundle again`, { cause });

const incompatible = (folder: string, what: string): BundleError =>
  new BundleError(
    'bundle-incompatible',
    `bundle ${folder}: ${what}; install a bundle for this version, or a newer sortbin`,
  );

const reasonOf = (thrown: unknown): string =>
  thrown instanceof FileMismatch ? thrown.message : `cannot be read (${messageOf(thrown)})`;

const firstIssue = (error: z.ZodError): string => {
  const [issue] = error.issues;
  return issue ? `${issue.path.join('.') || 'the file'}: ${issue.message}` : error.message;
};
