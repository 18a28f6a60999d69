import { createHash } from 'node:crypto';
import type { Logger } from 'pino';
import type { Config } from '../config/schema.js';

/** A validated configuration and the folder that its relative paths start from. */
export interface LoadedConfig {
  readonly config: Config;
  readonly folder: string;
  readonly log: Logger;
}

/** Returns a digest that differs between configurations and reveals neither. The MQTT password is left out. */
export const digestOf = (config: Config): string => {
  const { mqtt, ...rest } = config;
  const text = JSON.stringify({ ...rest, mqtt: { ...mqtt, password: null } });
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
};
