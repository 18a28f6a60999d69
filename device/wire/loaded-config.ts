import { createHash } from 'node:crypto';
import type { Logger } from 'pino';
import type { Config } from '../config/schema.js';
import type { CycleOptions } from '../cycle/runner.js';
import { ultrasonicLevelOf } from '../hardware/trigger/ultrasonic-timing.js';

/** A validated configuration. Its relative paths are resolved in `folder`. */
export interface LoadedConfig {
  readonly config: Config;
  readonly folder: string;
  readonly log: Logger;
}

/** Returns a short digest that distinguishes configurations. It does not depend on the MQTT password. */
export const digestOf = (config: Config): string => {
  const { mqtt, ...rest } = config;
  const url = mqtt.url === null ? null : new URL(mqtt.url);
  if (url) url.password = '';
  const text = JSON.stringify({ ...rest, mqtt: { ...mqtt, url, password: null } });
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
};

/** While the bin is held, the triggers of a minute are one event. */
const HELD_MS = 60_000;

/** Returns the options of the cycle. */
export const cycleOptions = ({ bin, cycle, fill, trigger }: Config): CycleOptions => ({
  bin: bin.id,
  whenFull: fill.driver === 'none' ? 'fallback' : fill.whenFull,
  limits: {
    ...cycle,
    heldMs: HELD_MS,
    levelMs: cycle.levelMs ?? ultrasonicLevelOf(trigger, fill).deadlineMs,
  },
});
