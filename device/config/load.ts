import { readFile, stat } from 'node:fs/promises';
import { messageOf } from '../kit/errors.js';
import { ConfigError, type ConfigErrorCode } from './errors.js';
import { jsonSchema, type Path } from './fragment.js';
import { migrate } from './migrations.js';
import { problemsOf } from './problems.js';
import { type Config, configSchema } from './schema.js';
import { MAX_BYTES, readYaml } from './yaml.js';

/**
 * The configuration in YAML text; what is left out has its default, and an empty text is the default configuration.
 * Paths in it stay as they are written. `source` names the text in messages. `warn` receives one text for each key
 * with an old name.
 * @throws ConfigError with every problem found
 */
export const parseConfig = (
  text: string,
  source: string,
  warn: (warning: string) => void = () => {},
): Config => {
  if (Buffer.byteLength(text) > MAX_BYTES) throw tooLarge(source, Buffer.byteLength(text));
  const file = readYaml(text, source);
  const { value, warnings, originalPath } = migrate(file.value, source, file.lineAt);
  for (const warning of warnings) warn(warning);
  const result = configSchema.safeParse(value);
  if (result.success) return result.data;
  const lineAt = (path: Path) => file.lineAt(originalPath(path));
  throw new ConfigError(
    'config-invalid',
    source,
    problemsOf(result.error.issues, value, jsonSchema(), lineAt),
  );
};

/** @throws ConfigError also where the file is not there or can't be read */
export const loadConfig = async (path: string, warn?: (warning: string) => void): Promise<Config> =>
  parseConfig(await readText(path), path, warn);

const readText = async (path: string): Promise<string> => {
  try {
    const found = await stat(path);
    if (!found.isFile()) throw unreadable('config-unreadable', path, 'not a file');
    if (found.size > MAX_BYTES) throw tooLarge(path, found.size);
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path));
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT')
      throw unreadable('config-missing', path, 'no such file; write one with sortbin config init', error);
    const notUtf8 = code === 'ERR_ENCODING_INVALID_ENCODED_DATA';
    throw unreadable('config-unreadable', path, notUtf8 ? 'not UTF-8 text' : messageOf(error), error);
  }
};

const tooLarge = (source: string, bytes: number): ConfigError =>
  unreadable('config-unreadable', source, `${bytes} bytes are not allowed: at most ${MAX_BYTES}`);

const unreadable = (code: ConfigErrorCode, source: string, message: string, cause?: unknown): ConfigError =>
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
