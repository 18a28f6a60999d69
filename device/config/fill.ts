import { z } from 'zod';
import { airTemperatureC, defaultDriver, driver, ms, shortName, whole } from './fields.js';
import { inputLine, outputLine } from './lines.js';
import { reportTo } from './report.js';

const levels = {
  fullPercent: whole(1, 100, 90, 'From here on a compartment is full …'),
  clearPercent: whole(0, 99, 75, '… until it is here or below'),
  whenFull: z
    .enum(['fallback', 'refuse'])
    .default('fallback')
    .describe('What becomes of an item whose compartment is full: it goes into the fallback, or is refused'),
};

export const fill = z
  .discriminatedUnion('driver', [
    z.strictObject({ driver: defaultDriver('none', 'Nobody measures how full the compartments are') }),
    z
      .strictObject({
        driver: driver('ultrasonic', 'HC-SR04 sensors that look down into the compartments'),
        sensors: z
          .record(
            shortName(),
            z.strictObject({
              trig: outputLine({ maxOnMs: 1, minOffMs: 0 }).describe('Its trigger pin'),
              echo: inputLine({ debounceMs: 0 }).describe('Its echo pin, behind a divider to 3.3 V'),
              emptyMm: whole(20, 4_000, 500, 'What it measures of the empty compartment'),
              fullMm: whole(20, 4_000, 80, 'What it measures of the full one'),
            }),
          )
          .default({})
          .describe('One for each compartment'),
        everyMs: ms(1_000, 86_400_000, 60_000, 'From one round through all of them to the next, in ms'),
        smoothing: z
          .number()
          .gt(0)
          .max(1)
          .default(0.3)
          .describe('How much of a new measure counts: 1 is all of it'),
        temperatureC: airTemperatureC(),
        emptied: z
          .record(shortName(), inputLine({ debounceMs: 20 }))
          .default({})
          .describe('A button for each compartment that says that it was emptied'),
        ...levels,
      })
      .superRefine(({ sensors, emptied, fullPercent, clearPercent }, context) => {
        const report = reportTo(context);
        if (clearPercent >= fullPercent)
          report.value(['clearPercent'], `less than fullPercent, ${fullPercent}`);
        for (const [name, { emptyMm, fullMm }] of Object.entries(sensors)) {
          report.lineName(['sensors', name], 'fill-', '-trig');
          if (fullMm >= emptyMm)
            report.value(['sensors', name, 'fullMm'], `less than emptyMm, ${emptyMm}: the sensor looks down`);
        }
        for (const name of Object.keys(emptied)) report.lineName(['emptied', name], 'emptied-');
      }),
    z.strictObject({
      driver: driver('simulated', 'Compartments that fill up as the script says'),
      script: z
        .array(
          z.strictObject({
            afterMs: ms(0, 86_400_000, 1_000, 'Waits so long in ms after the step before'),
            compartment: shortName().describe('Which'),
            percent: whole(0, 100, 0, 'How full it is then'),
          }),
        )
        .max(1000)
        .default([])
        .describe('The levels, one step each'),
      ...levels,
    }),
  ])
  .prefault({})
  .describe('How full the compartments are');
