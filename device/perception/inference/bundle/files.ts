import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, realpath } from 'node:fs/promises';
import { isAbsolute, join, relative, sep } from 'node:path';
import { z } from 'zod';

export const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hexadecimal digits');

/** The path of a file in a manifest: relative to the manifest's folder, with `/`, and inside that folder. */
export const pathSchema = z
  .string()
  .min(1)
  .max(255)
  .refine(
    (path) => !/[\\\0]/.test(path) && path.split('/').every((part) => !['', '.', '..'].includes(part)),
    'must be a relative path that stays in the folder',
  );

/** The entry of a file in a manifest. */
export interface FileDigest {
  readonly file: string;
  readonly sha256: string;
  readonly bytes: number;
}

/** A file that differs from what was expected. The message does not contain its name: `the file is missing`. */
export class FileMismatch extends Error {
  override readonly name = 'FileMismatch';
}

export const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Reads a whole file of at most `maxBytes` inside `folder`. @throws FileMismatch */
export const readLimited = (folder: string, file: string, maxBytes: number): Promise<Buffer> =>
  withRegularFile(folder, file, async (handle, size) => {
    if (size > maxBytes) throw new FileMismatch(`${size} bytes, but at most ${maxBytes} are allowed`);
    return handle.readFile();
  });

/** Reads a whole file and compares it with its digest. @throws FileMismatch */
export const readChecked = (folder: string, digest: FileDigest): Promise<Buffer> =>
  withRegularFile(folder, digest.file, async (handle, size) => {
    expectSize(size, digest);
    const bytes = await handle.readFile();
    expectSha256(sha256Of(bytes), digest);
    return bytes;
  });

/**
 * Compares a file with its digest. Reads it in chunks, to limit memory and the time of one hash step.
 * @throws FileMismatch
 */
export const checkFile = (folder: string, digest: FileDigest): Promise<void> =>
  withRegularFile(folder, digest.file, async (handle, size) => {
    expectSize(size, digest);
    const hash = createHash('sha256');
    for await (const chunk of handle.createReadStream({ autoClose: false })) hash.update(chunk);
    expectSha256(hash.digest('hex'), digest);
  });

/** Opens without blocking, because a named pipe in place of the file would block the reader. */
const withRegularFile = async <T>(
  folder: string,
  file: string,
  use: (handle: FileHandle, size: number) => Promise<T>,
): Promise<T> => {
  const handle = await open(await resolveInFolder(folder, file), constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const status = await handle.stat();
    if (!status.isFile()) throw new FileMismatch('not a regular file');
    return await use(handle, status.size);
  } finally {
    await handle.close();
  }
};

/** Returns the real path of `file`. A symbolic link must not lead out of the folder. */
const resolveInFolder = async (folder: string, file: string): Promise<string> => {
  const root = await realpath(folder);
  const real = await realpath(join(root, file)).catch((cause) => {
    throw new FileMismatch('the file is missing', { cause });
  });
  const inside = relative(root, real);
  if (inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside)) {
    throw new FileMismatch(`symbolic link to ${real}, outside the folder`);
  }
  return real;
};

const expectSize = (size: number, digest: FileDigest): void => {
  if (size !== digest.bytes) throw new FileMismatch(`${size} bytes, expected ${digest.bytes}`);
};

const expectSha256 = (found: string, digest: FileDigest): void => {
  if (found !== digest.sha256) {
    throw new FileMismatch(`sha256 ${found}, expected ${digest.sha256}`);
  }
};
