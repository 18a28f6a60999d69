import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { loadConfig, parseConfig } from '../../config/load.js';
import type { Config } from '../../config/schema.js';

export const DEFAULT_FILE = 'sortbin.yaml';

/** The configuration of a command: the file named, else sortbin.yaml where it is started, else the defaults. */
export const readConfig = async (
  file: string | undefined,
  warn = (warning: string): unknown => process.stderr.write(`sortbin: ${warning}\n`),
): Promise<{ config: Config; folder: string; source: string }> => {
  const path = file ?? (existsSync(DEFAULT_FILE) ? DEFAULT_FILE : undefined);
  if (path === undefined)
    return { config: parseConfig('', 'defaults'), folder: process.cwd(), source: 'defaults' };
  return { config: await loadConfig(path, warn), folder: dirname(resolve(path)), source: path };
};
