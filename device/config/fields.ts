import { z } from 'zod';

// The kinds of values that the parts are made of. A `title` is what messages and the reference page say is allowed
// where the bare rule (a pattern) would be hard to read.

/** Milliseconds as a whole number. */
export const ms = (from: number, to: number, preset: number, meaning: string) =>
  whole(from, to, preset, meaning);

export const whole = (from: number, to: number, preset: number, meaning: string) =>
  z.number().int().min(from).max(to).default(preset).describe(meaning);

/** Of what an ultrasonic sensor measures through. */
export const airTemperatureC = () =>
  z.number().min(-20).max(60).default(20).describe('Of the air: sound is faster in warm air');

/** 0 to 1. */
export const share = () => z.number().min(0).max(1);

export const text = (longest = 200) => z.string().min(1).max(longest);

/** A file or folder. */
export const path = () => text(4096).meta({ title: 'a path of 1 to 4096 characters' });

/** What a bin and a compartment are called: fit for topics and file names. */
export const shortName = () =>
  z
    .string()
    .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/)
    .meta({
      title: 'a name of 1 to 63 characters: a-z, 0-9, _ or -, a letter or digit first',
    });

/** A class of the model. */
export const label = () => text(100);

/** At most this many steps: a script is for demonstrations and tests. */
export const script = <Step extends z.ZodType>(step: Step) => z.array(step).max(1000);

export const hang = () => z.strictObject({ hang: z.literal(true).describe('Never answers') });

/** The driver of a part that is taken when the part names none. One per part. */
export const defaultDriver = <Name extends string>(name: Name, meaning: string) =>
  z.literal(name).optional().default(name).describe(meaning);

export const driver = <Name extends string>(name: Name, meaning: string) => z.literal(name).describe(meaning);

// Lines, and what hangs on them. What a driver needs of a line is in its own part, so that a wiring is read in one place.

const at = {
  chip: text(63)
    .nullable()
    .default(null)
    .describe('Label or name of the GPIO chip, as gpiodetect shows it: pinctrl-bcm2711 on a Pi 4'),
  offset: whole(0, 1023, 0, 'Of the line on that chip: the BCM number on a Pi'),
  line: text(31)
    .nullable()
    .default(null)
    .describe('Name of the line, as gpioinfo shows it (GPIO17), in place of chip and offset'),
};

const oneWay = {
  path: ['chip'],
  message: 'name either a chip, with the offset, or a line',
};

/** An input of the bin. */
export const inputLine = (preset: { readonly debounceMs: number }) =>
  z
    .strictObject({
      ...at,
      bias: z
        .enum(['as-is', 'pull-up', 'pull-down', 'disabled'])
        .default('as-is')
        .describe("The Pi's own resistor on that line"),
      activeLow: z.boolean().default(false).describe('The low level counts as active'),
      debounceMs: ms(0, 10_000, preset.debounceMs, 'The level must have been steady for so long'),
    })
    .refine(({ chip, line }) => (chip === null) !== (line === null), oneWay);

/** An output of the bin. */
export const outputLine = (preset: { readonly maxOnMs: number; readonly minOffMs: number }) =>
  z
    .strictObject({
      ...at,
      activeLow: z.boolean().default(false).describe('The low level is on'),
      maxOnMs: ms(1, 86_400_000, preset.maxOnMs, 'It never stays on longer, whatever happens to the daemon'),
      minOffMs: ms(0, 600_000, preset.minOffMs, 'After it went off it stays off for so long'),
    })
    .refine(({ chip, line }) => (chip === null) !== (line === null), oneWay);

export const inputOf = (preset: { readonly debounceMs: number }, meaning: string) =>
  inputLine(preset).nullable().default(null).describe(meaning);

// What no value alone shows to be wrong: problems of values that do not fit each other, or what is made of them.

type Path = (string | number)[];

/** A line's name is no longer: sortbin-io holds to it. */
const LONGEST_LINE_NAME = 31;

export interface Report {
  value(path: Path, allowed: string): void;
  /** Where the line that is called after the key at `path`, as `gate-NAME.end`, would have too long a name. */
  lineName(path: Path, before: string, after?: string): void;
}

export const reportTo = (context: z.core.$RefinementCtx): Report => ({
  value: (path, message) => context.addIssue({ code: 'custom', path, message }),
  lineName: (path, before, after = '') => {
    const longest = LONGEST_LINE_NAME - before.length - after.length;
    if (String(path.at(-1)).length <= longest) return;
    const message = `a name of at most ${longest} characters, since its line is called "${before}NAME${after}"`;
    context.addIssue({ code: 'custom', path, message, params: NAME });
  },
});

const NAME = { isOfName: true };

/** Whether it is the key that is wrong, and not what stands there. */
export const isOfName = (params: Record<string, unknown> | undefined): boolean => params?.isOfName === true;
