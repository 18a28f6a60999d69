import { z } from 'zod';
import { defaultDriver, driver, ms, path, text, whole } from './fields.js';

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

export const lines = z
  .discriminatedUnion('driver', [
    z.strictObject({
      driver: defaultDriver('sortbin-io', 'The process sortbin-io holds the lines, by the character device'),
      program: path()
        .nullable()
        .default(null)
        .describe("The program, relative as dataDir; null: deploy/native's for this machine"),
      leaseMs: ms(
        100,
        60_000,
        1_000,
        'What is on goes off when the daemon has not renewed it for so long in ms',
      ),
      answerMs: ms(50, 60_000, 2_000, 'sortbin-io is killed when it has not answered within so many ms'),
    }),
    z.strictObject({
      driver: driver('onoff', 'Inputs by the package onoff over sysfs; outputs by sortbin-io over sysfs'),
      program: path().nullable().default(null).describe('As above'),
      leaseMs: ms(100, 60_000, 1_000, 'As above'),
      answerMs: ms(50, 60_000, 2_000, 'As above'),
    }),
    z.strictObject({
      driver: driver('simulated', 'Lines of air: whatever is asked for is there'),
    }),
  ])
  .prefault({})
  .describe('The GPIO lines; nothing is taken where no part uses them');

export const inputOf = (preset: { readonly debounceMs: number }, meaning: string) =>
  inputLine(preset).nullable().default(null).describe(meaning);
