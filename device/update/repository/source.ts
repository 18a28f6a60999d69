import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { messageOf } from '../../kit/errors.js';
import { publicUrl, RepositoryError } from './errors.js';
import type { OpenFile } from './file-stream.js';
import { openHttp } from './http-source.js';

/** Opens a file of a folder, for example of a USB stick. Does not block on a named pipe. */
const openLocal: OpenFile = async (url, offset, signal) => {
  const file = await open(fileURLToPath(url), constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const status = await file.stat();
    if (!status.isFile()) throw new RepositoryError('update-not-found', `${publicUrl(url)}: no regular file`);
    const start = offset <= status.size ? offset : 0;
    const body = file.createReadStream({ start, signal });
    // An abort between two reads must not become an uncaught error.
    body.on('error', () => {});
    return { offset: start, bytes: status.size, body };
  } catch (thrown) {
    await file.close();
    throw thrown;
  }
};

const SOURCES: Readonly<Record<string, OpenFile>> = {
  'http:': openHttp,
  'https:': openHttp,
  'file:': openLocal,
};

/** Opens a file by the protocol of its URL: `http`, `https` or `file`. */
export const openFile: OpenFile = async (url, offset, signal) => {
  const source = SOURCES[url.protocol];
  if (!source) {
    throw new RepositoryError('update-unreachable', `${publicUrl(url)}: use http, https or file.`);
  }
  try {
    return await source(url, offset, signal);
  } catch (thrown) {
    throw sourceError(url, thrown);
  }
};

/** Returns the error of a source that failed to open or to read a file. */
export const sourceError = (url: URL, thrown: unknown): RepositoryError => {
  if (thrown instanceof RepositoryError) return thrown;
  const code = (thrown as NodeJS.ErrnoException).code ?? '';
  const options = { cause: thrown };
  if (url.protocol === 'file:' && ['ENOENT', 'ENOTDIR'].includes(code))
    return new RepositoryError(
      'update-not-found',
      `${publicUrl(url)}: no such file. Name a folder with a whole copy of a repository.`,
      options,
    );
  const problem = code === 'ECONNRESET' ? 'the connection was lost' : messageOf(thrown);
  return new RepositoryError('update-unreachable', `${publicUrl(url)}: ${problem}`, options);
};
