import type { Config } from '../../config/schema.js';
import type { WantedLine } from './lines.js';

/** Every line and PWM channel that the configuration names, with the key under which it does. */
export const wantedLines = ({ trigger, gate, fill, panel }: Config): WantedLine[] =>
  namedIn({ trigger, gate, fill, panel }, '');

const namedIn = (value: unknown, key: string): WantedLine[] => {
  if (typeof value !== 'object' || value === null) return [];
  const { chip, offset, line, channel } = value as Record<string, unknown>;
  if (typeof line === 'string') return [{ key, line }];
  if (typeof chip === 'string' && typeof channel === 'number') return [{ key, pwm: chip, channel }];
  if (typeof chip === 'string' && typeof offset === 'number') return [{ key, chip, offset }];
  return Object.entries(value).flatMap(([name, inner]) => namedIn(inner, key ? `${key}.${name}` : name));
};
