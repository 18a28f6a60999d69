/** The GPIO chips and PWM chips of this machine, from `sortbin-io --list`. */
export interface MachineLines {
  readonly chips: readonly Chip[];
  readonly unusable: readonly { readonly device: string; readonly why: string }[];
  readonly pwm: readonly PwmChip[];
}

export interface Chip {
  readonly name: string;
  readonly label: string;
  readonly lines: readonly Line[];
}

export interface Line {
  readonly offset: number;
  /** null: the line has no name. */
  readonly name: string | null;
  readonly direction: string;
  /** The program that holds the line, or null. */
  readonly holder: string | null;
}

export interface PwmChip {
  readonly number: number;
  readonly device: string | null;
  readonly channels: number;
  readonly usable: boolean;
}

const orNull = (word: string | undefined) => (word === undefined || word === '-' ? null : word);

/** Parses the output of `sortbin-io --list`. Skips unknown lines, because a later sortbin-io may add some. */
export const parseMachineLines = (text: string): MachineLines => {
  const chips: { name: string; label: string; lines: Line[] }[] = [];
  const unusable: { device: string; why: string }[] = [];
  const pwm: PwmChip[] = [];
  for (const line of text.split('\n')) {
    const [kind, first = '', second, third, fourth] = line.split(' ');
    if (kind === 'chip') chips.push({ name: first, label: second ?? '', lines: [] });
    else if (kind === 'line')
      chips.at(-1)?.lines.push({
        offset: Number(first),
        name: orNull(second),
        direction: third ?? '',
        holder: orNull(fourth),
      });
    else if (kind === 'unusable')
      unusable.push({ device: first, why: line.slice(kind.length + first.length + 2) });
    else if (kind === 'pwm')
      pwm.push({
        number: Number(first),
        device: orNull(second),
        channels: Number(third),
        usable: fourth === 'usable',
      });
  }
  return { chips, unusable, pwm };
};
