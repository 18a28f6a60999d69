import { z } from 'zod';

// Building blocks of the schema. A `title` replaces the bare rule, such as a pattern, in messages and on the reference page.

export const integer = (minimum: number, maximum: number, defaultValue: number, description: string) =>
  z.number().int().min(minimum).max(maximum).default(defaultValue).describe(description);

/** A duration in milliseconds. */
export const ms = (minimum: number, maximum: number, defaultValue: number, description: string) =>
  integer(minimum, maximum, defaultValue, description);

/** A number from 0 to 1. */
export const fraction = () => z.number().min(0).max(1);

/** Programs and protocols refuse a text with a control character, or cut it there. */
export const text = (maxLength = 200) =>
  z
    .string()
    .min(1)
    .max(maxLength)
    .refine((value) => !/\p{Cc}/u.test(value), 'text without control characters');

/** The path of a file or a folder. */
export const path = () => text(4096).meta({ title: 'a path of 1 to 4096 characters' });

/** The rule of `shortName`, as a noun phrase. */
export const NAME_RULE = 'a name of 1 to 63 characters from a-z, 0-9, _ and -, with a letter or digit first';

/** The name of a bin or a compartment, valid in MQTT topics and file names. */
export const shortName = () =>
  z
    .string()
    .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/)
    .meta({ title: NAME_RULE });

/** The name of a class of the model. */
export const label = () => text(100);

/** The steps of a simulated driver. */
export const script = <Step extends z.ZodType>(step: Step) => z.array(step).max(1000);

export const hangStep = () =>
  z.strictObject({ hang: z.literal(true).describe('A step that never completes') });

/** The driver that a part has if the file names none. Each part has one. */
export const defaultDriver = <Name extends string>(name: Name, description: string) =>
  z.literal(name).optional().default(name).describe(description);

export const driver = <Name extends string>(name: Name, description: string) =>
  z.literal(name).describe(description);

export const airTemperatureC = () =>
  z
    .number()
    .min(-20)
    .max(60)
    .default(20)
    .describe('Air temperature in °C. It corrects the speed of sound, which is higher in warm air');

const lineAddress = {
  chip: text(63)
    .nullable()
    .default(null)
    .describe(
      'Label or name of the GPIO chip, as gpiodetect shows it: pinctrl-bcm2711 on a Pi 4. null: set line',
    ),
  offset: integer(0, 1023, 0, 'Offset of the line on the GPIO chip. On a Pi, this is the BCM number'),
  line: text(31)
    .nullable()
    .default(null)
    .describe('Name of the line, as gpioinfo shows it: GPIO17. null: set chip and offset'),
};

const hasOneAddress = ({ chip, line }: { readonly chip: string | null; readonly line: string | null }) =>
  (chip === null) !== (line === null);
const oneAddress = { path: ['chip'], message: 'either chip and offset, or line' };

/** A GPIO line that the bin reads. */
export const inputLine = ({ debounceMs }: { readonly debounceMs: number }) =>
  z
    .strictObject({
      ...lineAddress,
      bias: z
        .enum(['as-is', 'pull-up', 'pull-down', 'disabled'])
        .default('as-is')
        .describe('Internal bias resistor of the GPIO line'),
      activeLow: z.boolean().default(false).describe('Whether the low level counts as active'),
      debounceMs: ms(
        0,
        10_000,
        debounceMs,
        'Debounce time in ms. A level counts after it was steady for this time',
      ),
    })
    .refine(hasOneAddress, oneAddress);

/** A GPIO line that the bin drives. */
export const outputLine = ({ maxOnMs, minOffMs }: { readonly maxOnMs: number; readonly minOffMs: number }) =>
  z
    .strictObject({
      ...lineAddress,
      activeLow: z.boolean().default(false).describe('Whether the low level turns the output on'),
      maxOnMs: ms(
        1,
        86_400_000,
        maxOnMs,
        'Maximum on-time in ms. It is enforced even if the daemon hangs or stops',
      ),
      minOffMs: ms(0, 600_000, minOffMs, 'Minimum off-time in ms before the output turns on again'),
    })
    .refine(hasOneAddress, oneAddress);

export const optionalInput = (defaults: { readonly debounceMs: number }, description: string) =>
  inputLine(defaults).nullable().default(null).describe(description);

type Path = (string | number)[];

/** Optional parts of a message. */
interface Explanation {
  /** Follows "is not allowed" or "is required": `without a username`. */
  readonly context?: string;
  /** An imperative sentence without its full stop. Default: `Use <allowed>`, or `Set <allowed>` for a missing key. */
  readonly fix?: string;
}

/** Reports the problems that the type of a single key cannot express. */
export interface Reporter {
  /** `allowed`: a noun phrase, such as `a value up to farMm (250)`. */
  refuse(path: Path, allowed: string, explanation?: Explanation): void;
  /** Refuses the last key of `path` if the name of its line, `<before>NAME<after>`, is too long. */
  checkLineName(path: Path, before: string, after?: string): void;
}

/** sortbin-io has the same limit. */
const MAX_LINE_NAME_LENGTH = 31;

export const reporterOf = (context: z.core.$RefinementCtx): Reporter => ({
  refuse: (path, message, explanation = {}) =>
    context.addIssue({ code: 'custom', path, message, params: { ...explanation } }),
  checkLineName: (path, before, after = '') => {
    const maxLength = MAX_LINE_NAME_LENGTH - before.length - after.length;
    if (String(path.at(-1)).length <= maxLength) return;
    const message = `a name of at most ${maxLength} characters, because its line is called "${before}NAME${after}"`;
    context.addIssue({ code: 'custom', path, message, params: { isAboutKey: true } });
  },
});

/** Returns the explanation of an issue that `refuse` reported. */
export const explanationOf = (params: Record<string, unknown> | undefined): Explanation => params ?? {};

/** Whether the key itself is wrong, instead of its value. */
export const isAboutKey = (params: Record<string, unknown> | undefined): boolean =>
  params?.isAboutKey === true;
