import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, realpath } from 'node:fs/promises';
import { isAbsolute, join, relative, sep } from 'node:path';
import { z } from 'zod';

export const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hexadecimal digits');

/** A path under a folder, as a manifest writes it: relative, with `/`, never upwards. */
export const pathSchema = z
  .string()
  .min(1)
  .max(255)
  .refine(
    (path) => !/[\\\0]/.test(path) && path.split('/').every((part) => !['', '.', '..'].includes(part)),
    'must be a relative path that stays in the folder',
  );

/** What a manifest says of a file. */
export interface FileDigest {
  readonly file: string;
  readonly sha256: string;
  readonly bytes: number;
}

/** A file that is not what was meant; the message continues its name: `is missing`, `has 3 bytes; …`. */
export class FileMismatch extends Error {
  override readonly name = 'FileMismatch';
}

export const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Reads a whole file of at most `maxBytes` under `folder`. @throws FileMismatch */
export const readBounded = (folder: string, file: string, maxBytes: number): Promise<Buffer> =>
  withPlainFile(folder, file, async (handle, size) => {
    if (size > maxBytes) throw new FileMismatch(`has ${size} bytes; at most ${maxBytes} are allowed`);
    return handle.readFile();
  });

/** Reads a whole file and checks that it is the one that was meant. @throws FileMismatch */
export const readChecked = (folder: string, digest: FileDigest): Promise<Buffer> =>
  withPlainFile(folder, digest.file, async (handle, size) => {
    expectSize(size, digest);
    const bytes = await handle.readFile();
    expectSha256(sha256Of(bytes), digest);
    return bytes;
  });

/** Checks a file piece by piece: never whole in memory, and no long stretch of hashing. @throws FileMismatch */
export const checkFile = (folder: string, digest: FileDigest): Promise<void> =>
  withPlainFile(folder, digest.file, async (handle, size) => {
    expectSize(size, digest);
    const hash = createHash('sha256');
    for await (const piece of handle.createReadStream({ autoClose: false })) hash.update(piece);
    expectSha256(hash.digest('hex'), digest);
  });

/** Opens without blocking: a named pipe in a file's place must not hang its reader. */
const withPlainFile = async <T>(
  folder: string,
  file: string,
  use: (handle: FileHandle, size: number) => Promise<T>,
): Promise<T> => {
  const handle = await open(await pathUnder(folder, file), constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const status = await handle.stat();
    if (!status.isFile()) throw new FileMismatch('is not a plain file');
    return await use(handle, status.size);
  } finally {
    await handle.close();
  }
};

/** The real path of `file`; a link may not lead out of the folder. */
const pathUnder = async (folder: string, file: string): Promise<string> => {
  const root = await realpath(folder);
  const real = await realpath(join(root, file)).catch((cause) => {
    throw new FileMismatch('is missing', { cause });
  });
  const inside = relative(root, real);
  if (inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside)) {
    throw new FileMismatch(`is a link to ${real}, outside the folder`);
  }
  return real;
};

const expectSize = (size: number, digest: FileDigest): void => {
  if (size !== digest.bytes) throw new FileMismatch(`has ${size} bytes; ${digest.bytes} were expected`);
};

const expectSha256 = (found: string, digest: FileDigest): void => {
  if (found !== digest.sha256) {
    throw new FileMismatch(`has the sha256 ${found}; ${digest.sha256} was expected`);
  }
};
