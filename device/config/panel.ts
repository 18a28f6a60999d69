import { z } from 'zod';
import { ms, shortName } from './fields.js';
import { inputOf, outputLine } from './lines.js';
import { reportTo } from './report.js';

const sign = z.strictObject({
  output: shortName().describe('One of panel.outputs'),
  onOffMs: z
    .array(ms(1, 600_000, 500, 'A time in ms'))
    .max(40)
    .default([])
    .describe('On, off, on, … for so long each in ms; empty: on all the time'),
  repeat: z.boolean().default(true).describe('Over and over; else once'),
});
const signs = (meaning: string) => z.array(sign).max(8).default([]).describe(meaning);

export const panel = z
  .strictObject({
    outputs: z
      .record(shortName(), outputLine({ maxOnMs: 86_400_000, minOffMs: 0 }))
      .default({})
      .describe('LEDs and buzzers by name'),
    ready: signs('What they do while an item can be thrown in'),
    busy: signs('… while one is sorted'),
    refused: signs('… after one was refused'),
    fault: signs('… while something is wrong'),
    refusedMs: ms(100, 60_000, 3_000, 'How long a refusal is shown in ms'),
    light: z
      .strictObject({
        output: outputLine({ maxOnMs: 10_000, minOffMs: 0 }).describe('The lamp'),
        settleMs: ms(0, 5_000, 150, 'Until it shines steadily and the camera is used to it, in ms'),
      })
      .nullable()
      .default(null)
      .describe('A light that is on while the frame is taken'),
    service: inputOf(
      { debounceMs: 20 },
      'A key switch that locks all that moves while it is active: for hands in the bin',
    ),
    wrong: inputOf({ debounceMs: 20 }, 'A button that marks the last item as sorted wrongly, for review'),
  })
  .superRefine((value, context) => {
    for (const name of Object.keys(value.outputs)) reportTo(context).lineName(['outputs', name], 'sign-');
    for (const said of ['ready', 'busy', 'refused', 'fault'] as const)
      for (const [index, { output, onOffMs, repeat }] of value[said].entries()) {
        if (!(output in value.outputs))
          context.addIssue({
            code: 'custom',
            path: [said, index, 'output'],
            message: 'one of panel.outputs',
          });
        if (repeat && onOffMs.length % 2 === 1)
          context.addIssue({
            code: 'custom',
            path: [said, index, 'onOffMs'],
            message: 'a time on and a time off each: what repeats ends with a time off',
          });
      }
  })
  .prefault({})
  .describe('What the bin shows to the person before it');
