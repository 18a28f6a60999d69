import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import type { FileContent } from '../../../kit/durable-file.js';
import { ReleaseError } from '../release.js';

/** What a file of a repository shall contain. A large file is never in memory as a whole. */
export interface Content {
  readonly data: FileContent;
  readonly sha256: string;
}

export interface Digest {
  readonly bytes: number;
  readonly sha256: string;
}

const CHUNK_BYTES = 1 << 20;

/** Each chunk is valid until the next one is read. */
function* readChunks(path: string): Generator<Uint8Array> {
  const handle = openSync(path, 'r');
  try {
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    for (let count = readSync(handle, buffer); count > 0; count = readSync(handle, buffer))
      yield buffer.subarray(0, count);
  } finally {
    closeSync(handle);
  }
}

export const digestOf = (path: string): Digest => {
  const hash = createHash('sha256');
  let bytes = 0;
  for (const chunk of readChunks(path)) {
    bytes += chunk.length;
    hash.update(chunk);
  }
  return { bytes, sha256: hash.digest('hex') };
};

export const contentOf = (bytes: Buffer): Content => ({
  data: bytes,
  sha256: createHash('sha256').update(bytes).digest('hex'),
});

/** Returns the content of a file that must still have its sha256 when it is copied. */
export const contentOfFile = (path: string, sha256: string): Content => ({
  sha256,
  data: {
    chunks: function* () {
      const hash = createHash('sha256');
      for (const chunk of readChunks(path)) {
        hash.update(chunk);
        yield chunk;
      }
      if (hash.digest('hex') !== sha256)
        throw new ReleaseError('release-busy', `${path}: changed meanwhile. Run this command again.`);
    },
  },
});
