import type { Config } from '../../config/schema.js';
import type { Check, Section } from './doctor.js';
import type { Chip, Line, MachineLines, PwmChip } from './machine-lines.js';

/** A line or a PWM channel that the configuration names, and where it does. */
export type ConfiguredLine = { readonly key: string } & (
  | { readonly chip: string; readonly offset: number }
  | { readonly line: string }
  | { readonly pwm: string; readonly channel: number }
);

export interface LinesExamination {
  /** What the machine has, or why nobody can say. */
  readonly found: MachineLines | { readonly failure: string };
  readonly configured: readonly ConfiguredLine[];
  readonly exitCode: number;
}

const GROUP = 'add the user to the group gpio, and log in again';
/** As sortbin-io names itself to the kernel, and `--list` its words. */
const OWN = /^sortbin_/;

/** The GPIO chips, who holds their lines, and whether those that the configuration names can be had. */
export const examineLines = ({ found, configured: wanted, exitCode }: LinesExamination): Section => {
  const title = 'lines';
  const failing = wanted.length > 0 ? 'fail' : 'note';
  if ('failure' in found)
    return { title, exitCode, checks: [{ name: 'sortbin-io', status: failing, text: found.failure }] };
  const none: Check = { name: 'gpio', status: failing, text: 'this machine has no GPIO chip' };
  const checks: Check[] = [
    ...found.chips.map(chipCheck),
    ...found.unusable.map(
      ({ device, why }): Check => ({ name: device, status: failing, text: `${why}; ${GROUP}`, why }),
    ),
    ...found.pwm.map(pwmCheck),
    ...wanted.map((one) => wantedCheck(one, found)),
  ];
  const bare = found.chips.length + found.unusable.length === 0;
  return { title, exitCode, checks: bare ? [none, ...checks] : checks };
};

const chipCheck = ({ name, label, lines }: Chip): Check => {
  const held = lines.filter(({ holder }) => holder !== null);
  const holders = held.map((line) => `${line.name ?? line.offset} by ${line.holder}`);
  const shown = holders.length > 6 ? [...holders.slice(0, 6), `${holders.length - 6} more`] : holders;
  const text = `${label}, ${lines.length} lines${shown.length > 0 ? `; held: ${shown.join(', ')}` : ''}`;
  return { name, status: 'ok', text, label, lines };
};

const pwmCheck = ({ number, device, channels, usable }: PwmChip): Check => ({
  name: `pwmchip${number}`,
  status: usable ? 'ok' : 'note',
  text: `${device ?? 'no device'}, ${channels} channels${usable ? '' : `; no permission: ${GROUP}`}`,
  device,
  channels,
  usable,
});

const wantedCheck = (wanted: ConfiguredLine, found: MachineLines): Check => {
  const { key: name, ...place } = wanted;
  if ('pwm' in wanted) {
    const chip = found.pwm.find(({ number, device }) => `${number}` === wanted.pwm || device === wanted.pwm);
    const there = chip && wanted.channel < chip.channels;
    const missing = `no channel ${wanted.channel} of PWM chip ${wanted.pwm}; enable it: dtoverlay=pwm-2chan`;
    return there
      ? { name, status: 'ok', text: `channel ${wanted.channel} of pwmchip${chip.number}`, ...place }
      : { name, status: 'fail', text: missing, ...place };
  }
  const at = placeOf(wanted, found.chips);
  if (typeof at === 'string') return { name, status: 'fail', text: at, ...place };
  const { chip, line } = at;
  const where = `${line.name ? `${line.name}, ` : ''}line ${line.offset} of ${chip.label}`;
  if (line.holder === null) return { name, status: 'ok', text: where, ...place };
  if (OWN.test(line.holder))
    return { name, status: 'ok', text: `${where}, held by the bin that runs`, ...place };
  const text = `${where} is held by ${line.holder}; end that program, or take another line`;
  return { name, status: 'fail', text, ...place };
};

const placeOf = (
  wanted: Exclude<ConfiguredLine, { readonly pwm: string }>,
  chips: readonly Chip[],
): { readonly chip: Chip; readonly line: Line } | string => {
  const known = chips.map(({ label }) => label).join(', ') || 'none';
  if ('line' in wanted) {
    for (const chip of chips) {
      const line = chip.lines.find(({ name }) => name === wanted.line);
      if (line) return { chip, line };
    }
    return `no line is named ${wanted.line}; gpioinfo shows the names`;
  }
  const chip = chips.find(({ name, label }) => name === wanted.chip || label === wanted.chip);
  if (!chip) return `there is no chip ${wanted.chip}; chips of this machine: ${known}`;
  const line = chip.lines.find(({ offset }) => offset === wanted.offset);
  return line ? { chip, line } : `${chip.label} has ${chip.lines.length} lines, and no ${wanted.offset}`;
};

/** Every line and PWM channel that the configuration names, with the key under which it does. */
export const configuredLines = ({ trigger, gate, fill, panel }: Config): ConfiguredLine[] =>
  namedIn({ trigger, gate, fill, panel }, '');

const namedIn = (value: unknown, key: string): ConfiguredLine[] => {
  if (typeof value !== 'object' || value === null) return [];
  const { chip, offset, line, channel } = value as Record<string, unknown>;
  if (typeof line === 'string') return [{ key, line }];
  if (typeof chip === 'string' && typeof channel === 'number') return [{ key, pwm: chip, channel }];
  if (typeof chip === 'string' && typeof offset === 'number') return [{ key, chip, offset }];
  return Object.entries(value).flatMap(([name, inner]) => namedIn(inner, key ? `${key}.${name}` : name));
};
