import { z } from 'zod';
import {
  airTemperatureC,
  defaultDriver,
  driver,
  inputLine,
  inputOf,
  ms,
  outputLine,
  reportTo,
  script,
  shortName,
  whole,
} from './fields.js';

const sensors = [
  z.strictObject({
    driver: driver('line', 'A break-beam, a motion detector or a switch on a line'),
    source: z.enum(['beam', 'pir', 'switch']).default('beam').describe('What it is called in events'),
    input: inputLine({ debounceMs: 5 }).describe('Active while something is there'),
    minGapMs: ms(
      0,
      60_000,
      300,
      'What comes within so long of the last edge in ms belongs to the same passage',
    ),
  }),
  z.strictObject({
    driver: driver('interval', 'No sensor: looks every so often'),
    everyMs: ms(100, 86_400_000, 10_000, 'How often, in ms'),
  }),
  z
    .strictObject({
      driver: driver('ultrasonic', 'An HC-SR04: something is there when it is near'),
      trig: outputLine({ maxOnMs: 1, minOffMs: 0 }).describe('Its trigger pin'),
      echo: inputLine({ debounceMs: 0 }).describe('Its echo pin, behind a divider to 3.3 V'),
      nearMm: whole(20, 4_000, 200, 'Nearer than this: something is there'),
      farMm: whole(20, 4_000, 250, 'Farther than this: it is gone'),
      everyMs: ms(60, 60_000, 100, 'From one measure to the next, in ms'),
      temperatureC: airTemperatureC(),
    })
    .superRefine(({ nearMm, farMm }, context) => {
      if (nearMm > farMm) reportTo(context).value(['nearMm'], `at most farMm, ${farMm}`);
    }),
  z.strictObject({
    driver: driver('command', 'No sensor: an item is there when `sortbin trigger` says so'),
  }),
] as const;

/** The triggers of a real bin: members of the union `trigger`. */
export const lineTriggers = [
  ...sensors,
  z
    .strictObject({
      driver: driver('several', 'Several of these: whichever notices something triggers'),
      sensors: z
        .record(shortName(), z.discriminatedUnion('driver', [...sensors]))
        .default({})
        .describe('Each by a name of its own'),
    })
    .superRefine(({ sensors }, context) => {
      const report = reportTo(context);
      for (const [name, { driver }] of Object.entries(sensors)) {
        if (driver === 'line') report.lineName(['sensors', name], 'sensor-');
        if (driver === 'ultrasonic') report.lineName(['sensors', name], 'sensor-', '-trig');
      }
    }),
] as const;

export const trigger = z
  .discriminatedUnion('driver', [
    z.strictObject({
      driver: defaultDriver('simulated', 'A sensor that sees what its script says'),
      script: script(
        z.strictObject({
          afterMs: ms(0, 86_400_000, 3_000, 'Waits so long in ms after the trigger before, then triggers'),
          stillThere: whole(
            0,
            1000,
            0,
            'How many times the sensor still sees something when the gate is home',
          ),
        }),
      )
        .default(() => [{ afterMs: 3_000, stillThere: 0 }])
        .describe('The triggers, one step each'),
      repeat: z.boolean().default(true).describe('Begins again at the end of the script'),
    }),
    ...lineTriggers,
  ])
  .prefault({})
  .describe('What notices an item');

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
