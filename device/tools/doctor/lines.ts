import type { Config } from '../../config/schema.js';
import type { Check, Section } from './doctor.js';
import type { Chip, Line, MachineLines, PwmChip } from './machine-lines.js';

/** A GPIO line or a PWM channel of the configuration. `key`: its configuration key. */
export type ConfiguredLine = { readonly key: string } & (
  | { readonly chip: string; readonly offset: number }
  | { readonly line: string }
  | { readonly pwm: string; readonly channel: number }
);

export interface LinesExamination {
  /** The lines of the machine, or the error that prevented listing them. */
  readonly found: MachineLines | { readonly failure: string };
  readonly configured: readonly ConfiguredLine[];
  readonly exitCode: number;
}

const JOIN_GROUP = 'Add your user to the group gpio, then log in again.';
/** The names under which sortbin-io holds lines start with this. `--list` replaces spaces by underscores. */
const OWN_HOLDER = /^sortbin_/;

/** Lists the GPIO chips with the holders of their lines, and checks that each configured line is available. */
export const examineLines = ({ found, configured, exitCode }: LinesExamination): Section => {
  const title = 'lines';
  const failing = configured.length > 0 ? 'fail' : 'note';
  if ('failure' in found)
    return { title, exitCode, checks: [{ name: 'sortbin-io', status: failing, text: found.failure }] };
  const noChip: Check = { name: 'gpio', status: failing, text: 'no GPIO chip on this machine' };
  const checks: Check[] = [
    ...found.chips.map(chipCheck),
    ...found.unusable.map(
      ({ device, why }): Check => ({ name: device, status: failing, text: `${why}. ${JOIN_GROUP}`, why }),
    ),
    ...found.pwm.map(pwmCheck),
    ...configured.map((one) => configuredCheck(one, found)),
  ];
  const hasChips = found.chips.length + found.unusable.length > 0;
  return { title, exitCode, checks: hasChips ? checks : [noChip, ...checks] };
};

const countOf = (count: number, unit: string): string => `${count} ${unit}${count === 1 ? '' : 's'}`;

const chipCheck = ({ name, label, lines }: Chip): Check => {
  const held = lines.filter(({ holder }) => holder !== null);
  const holders = held.map((line) => `${line.name ?? line.offset} by ${line.holder}`);
  const shown = holders.length > 6 ? [...holders.slice(0, 6), `${holders.length - 6} more`] : holders;
  const text = `${label}, ${countOf(lines.length, 'line')}${shown.length > 0 ? `. Held: ${shown.join(', ')}.` : ''}`;
  return { name, status: 'ok', text, label, lines };
};

const pwmCheck = ({ number, device, channels, usable }: PwmChip): Check => ({
  name: `pwmchip${number}`,
  status: usable ? 'ok' : 'note',
  text: `${device ?? 'no device'}, ${countOf(channels, 'channel')}${usable ? '' : `, permission denied. ${JOIN_GROUP}`}`,
  device,
  channels,
  usable,
});

const configuredCheck = (configured: ConfiguredLine, found: MachineLines): Check => {
  const { key: name, ...place } = configured;
  if ('pwm' in configured) {
    const { pwm, channel } = configured;
    const chip = found.pwm.find(({ number, device }) => `${number}` === pwm || device === pwm);
    const missing = `channel ${channel} of PWM chip ${pwm} not found. Enable it with dtoverlay=pwm-2chan.`;
    if (!chip || channel >= chip.channels) return { name, status: 'fail', text: missing, ...place };
    const text = `channel ${channel} of pwmchip${chip.number}`;
    return chip.usable
      ? { name, status: 'ok', text, ...place }
      : { name, status: 'fail', text: `${text}: permission denied. ${JOIN_GROUP}`, ...place };
  }
  const match = findLine(configured, found.chips);
  if (typeof match === 'string') return { name, status: 'fail', text: match, ...place };
  const { chip, line } = match;
  const where = `${line.name ? `${line.name}, ` : ''}line ${line.offset} of ${chip.label}`;
  if (line.holder === null) return { name, status: 'ok', text: where, ...place };
  if (OWN_HOLDER.test(line.holder))
    return { name, status: 'ok', text: `${where}, held by the running bin`, ...place };
  const text = `${where}, is held by ${line.holder}. End that program, or use another line.`;
  return { name, status: 'fail', text, ...place };
};

/** Returns the line with its chip, or the text of an error. */
const findLine = (
  configured: Exclude<ConfiguredLine, { readonly pwm: string }>,
  chips: readonly Chip[],
): { readonly chip: Chip; readonly line: Line } | string => {
  if ('line' in configured) {
    for (const chip of chips) {
      const line = chip.lines.find(({ name }) => name === configured.line);
      if (line) return { chip, line };
    }
    return `line "${configured.line}" not found. Run gpioinfo to list the names.`;
  }
  const chip = chips.find(({ name, label }) => name === configured.chip || label === configured.chip);
  const labels = chips.map(({ label }) => label).join(', ') || 'none';
  if (!chip) return `GPIO chip "${configured.chip}" not found. Chips of this machine: ${labels}.`;
  const line = chip.lines.find(({ offset }) => offset === configured.offset);
  return line
    ? { chip, line }
    : `line ${configured.offset} of ${chip.label} not found. The chip has ${countOf(chip.lines.length, 'line')}.`;
};

/** Returns all GPIO lines and PWM channels of the configuration, with their keys. */
export const configuredLines = ({ trigger, gate, fill, panel }: Config): ConfiguredLine[] =>
  linesIn({ trigger, gate, fill, panel }, '');

const linesIn = (value: unknown, key: string): ConfiguredLine[] => {
  if (typeof value !== 'object' || value === null) return [];
  const { chip, offset, line, channel } = value as Record<string, unknown>;
  if (typeof line === 'string') return [{ key, line }];
  if (typeof chip === 'string' && typeof channel === 'number') return [{ key, pwm: chip, channel }];
  if (typeof chip === 'string' && typeof offset === 'number') return [{ key, chip, offset }];
  return Object.entries(value).flatMap(([name, inner]) => linesIn(inner, key ? `${key}.${name}` : name));
};
