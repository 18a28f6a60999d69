import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type ConfigWarning, loadConfig, parseConfig, warningText } from '../../config/load.js';
import type { Config } from '../../config/schema.js';
import { plainLines } from '../../kit/plain-text.js';
import { DEFAULT_FILE, fileOfEnvironment } from './config-option.js';

/** The configuration of a command. */
export interface CommandConfig {
  readonly config: Config;
  /** The folder in which relative paths of the configuration are resolved. */
  readonly folder: string;
  /** The path of the file, or `defaults`. */
  readonly source: string;
  readonly warnings: readonly ConfigWarning[];
}

/**
 * Reads the named file. Without a name, it reads the file that SORTBIN_CONFIG names, or sortbin.yaml of the working
 * directory. If no file is named and sortbin.yaml does not exist, the configuration has its defaults.
 * @throws ConfigError if the file cannot be read or is invalid
 */
export const readConfig = async (
  file: string | undefined,
  onWarning = (source: string, warning: ConfigWarning): unknown =>
    process.stderr.write(plainLines(`sortbin: ${warningText(source, warning)}\n`)),
): Promise<CommandConfig> => {
  const named = file ?? fileOfEnvironment();
  const path = named ?? DEFAULT_FILE;
  if (named === undefined && !existsSync(path))
    return { config: parseConfig('', 'defaults'), folder: process.cwd(), source: 'defaults', warnings: [] };
  const warnings: ConfigWarning[] = [];
  const { config } = await loadConfig(path, (warning) => {
    warnings.push(warning);
    onWarning(path, warning);
  });
  return { config, folder: dirname(resolve(path)), source: path, warnings };
};
