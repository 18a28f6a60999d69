import { readFile, stat } from 'node:fs/promises';
import { messageOf } from '../kit/errors.js';
import { ConfigError, type ConfigErrorCode } from './problems.js';
import { MAX_BYTES } from './yaml.js';

/**
 * Reads the text of a configuration file. `missingFix`: what to do if the file is missing, a sentence.
 * @throws ConfigError if the file is missing, is not a regular file, is too large or is not UTF-8
 */
export const readConfigText = async (
  path: string,
  missingFix = 'Create one with "sortbin config init".',
): Promise<string> => {
  try {
    const info = await stat(path);
    if (!info.isFile()) throw fileError('config-unreadable', path, 'not a regular file. Name a file.');
    if (info.size > MAX_BYTES) throw tooLarge(path, info.size);
    // The parser skips a byte order mark, and an edit of the text keeps it.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(await readFile(path));
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw fileError('config-missing', path, `file not found. ${missingFix}`, error);
    const isNotUtf8 = code === 'ERR_ENCODING_INVALID_ENCODED_DATA';
    const message = isNotUtf8 ? 'not UTF-8 text. Save the file as UTF-8.' : messageOf(error);
    throw fileError('config-unreadable', path, message, error);
  }
};

export const tooLarge = (source: string, bytes: number): ConfigError =>
  fileError(
    'config-unreadable',
    source,
    `the file is too large (${bytes} bytes). Use at most ${MAX_BYTES} bytes.`,
  );

const fileError = (code: ConfigErrorCode, source: string, message: string, cause?: unknown): ConfigError =>
  new ConfigError(
    code,
    source,
    [
      {
        path: '',
        value: null,
        allowed: `a file of at most ${MAX_BYTES} bytes of UTF-8 text`,
        line: null,
        message,
      },
    ],
    { cause },
  );
