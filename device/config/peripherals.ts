import { z } from 'zod';
import {
  airTemperatureC,
  defaultDriver,
  driver,
  inputLine,
  integer,
  ms,
  optionalInput,
  outputLine,
  reporterOf,
  script,
  shortName,
} from './fields.js';

// The parts on GPIO lines, except the gate: trigger, fill sensors and operator panel.

const ultrasonicLines = {
  trig: outputLine({ maxOnMs: 1, minOffMs: 0 }).describe('Trigger pin of the HC-SR04'),
  echo: inputLine({ debounceMs: 0 }).describe('Echo pin of the HC-SR04, behind a divider to 3.3 V'),
};

const sensors = [
  z.strictObject({
    driver: driver('line', 'A break-beam, a motion detector or a switch on a GPIO line'),
    source: z
      .enum(['beam', 'pir', 'switch'])
      .default('beam')
      .describe('Type of the sensor, which is the source in events'),
    input: inputLine({ debounceMs: 5 }).describe('Input that is active while an item is present'),
    minGapMs: ms(
      0,
      60_000,
      300,
      'Gap in ms between two items. An edge within this time after the last edge belongs to the same item',
    ),
  }),
  z.strictObject({
    driver: driver('interval', 'A trigger at regular intervals, without a sensor'),
    everyMs: ms(100, 86_400_000, 10_000, 'Interval in ms'),
  }),
  z
    .strictObject({
      driver: driver('ultrasonic', 'An HC-SR04 ultrasonic sensor that detects near items'),
      ...ultrasonicLines,
      nearMm: integer(20, 4_000, 200, 'Distance in mm. An item is present if it is nearer'),
      farMm: integer(20, 4_000, 250, 'Distance in mm. An item is gone if it is farther away'),
      everyMs: ms(60, 60_000, 100, 'Interval in ms between two measurements'),
      temperatureC: airTemperatureC(),
    })
    .superRefine(({ nearMm, farMm }, context) => {
      if (nearMm > farMm) reporterOf(context).refuse(['nearMm'], `a value up to farMm (${farMm})`);
    }),
  z.strictObject({
    driver: driver('command', 'The command `sortbin trigger`, without a sensor'),
  }),
] as const;

export const trigger = z
  .discriminatedUnion('driver', [
    z.strictObject({
      driver: defaultDriver('simulated', 'A sensor that follows a script'),
      script: script(
        z.strictObject({
          afterMs: ms(0, 86_400_000, 3_000, 'Delay in ms between the previous trigger and this one'),
          stillThere: integer(
            0,
            1000,
            0,
            'Number of times that the sensor still reports an item after the gate is home',
          ),
        }),
      )
        .default(() => [{ afterMs: 3_000, stillThere: 0 }])
        .describe('Steps, one for each trigger'),
      repeat: z.boolean().default(true).describe('Whether the script starts again at its end'),
    }),
    ...sensors,
    z
      .strictObject({
        driver: driver('several', 'Several sensors, each of which triggers'),
        sensors: z
          .record(shortName(), z.discriminatedUnion('driver', [...sensors]))
          .default({})
          .describe('Sensors by name'),
      })
      .superRefine(({ sensors }, context) => {
        const reporter = reporterOf(context);
        for (const [name, { driver }] of Object.entries(sensors)) {
          if (driver === 'line') reporter.checkLineName(['sensors', name], 'sensor-');
          if (driver === 'ultrasonic') reporter.checkLineName(['sensors', name], 'sensor-', '-trig');
        }
      }),
  ])
  .prefault({})
  .describe('Trigger, which detects an item');

const fullLevels = {
  fullPercent: integer(1, 100, 90, 'Fill level in percent. A compartment becomes full at or above it'),
  clearPercent: integer(
    0,
    99,
    75,
    'Fill level in percent. A full compartment counts as full until its level is at or below this',
  ),
  whenFull: z
    .enum(['fallback', 'refuse'])
    .default('fallback')
    .describe('Handling of an item whose compartment is full: use the fallback compartment, or refuse it'),
};

export const fill = z
  .discriminatedUnion('driver', [
    z.strictObject({ driver: defaultDriver('none', 'No measurement of the fill levels') }),
    z
      .strictObject({
        driver: driver('ultrasonic', 'HC-SR04 sensors that look down into the compartments'),
        sensors: z
          .record(
            shortName(),
            z.strictObject({
              ...ultrasonicLines,
              emptyMm: integer(
                20,
                4_000,
                500,
                'Distance in mm that the sensor measures in the empty compartment',
              ),
              fullMm: integer(
                20,
                4_000,
                80,
                'Distance in mm that the sensor measures in the full compartment',
              ),
            }),
          )
          .default({})
          .describe('Fill sensors by the name of the compartment'),
        everyMs: ms(1_000, 86_400_000, 60_000, 'Interval in ms between two measurements of all compartments'),
        smoothing: z
          .number()
          .gt(0)
          .max(1)
          .default(0.3)
          .describe('Weight of a new measurement in the smoothed level. 1: no smoothing'),
        temperatureC: airTemperatureC(),
        emptied: z
          .record(shortName(), inputLine({ debounceMs: 20 }))
          .default({})
          .describe('Buttons that report an emptied compartment, by the name of the compartment'),
        ...fullLevels,
      })
      .superRefine(({ sensors, emptied, fullPercent, clearPercent }, context) => {
        const reporter = reporterOf(context);
        if (clearPercent >= fullPercent)
          reporter.refuse(['clearPercent'], `a value below fullPercent (${fullPercent})`);
        for (const [name, { emptyMm, fullMm }] of Object.entries(sensors)) {
          reporter.checkLineName(['sensors', name], 'fill-', '-trig');
          if (fullMm >= emptyMm)
            reporter.refuse(
              ['sensors', name, 'fullMm'],
              `a value below emptyMm (${emptyMm}), because the sensor looks down`,
            );
        }
        for (const name of Object.keys(emptied)) reporter.checkLineName(['emptied', name], 'emptied-');
      }),
    z.strictObject({
      driver: driver('simulated', 'Compartments that fill up as a script defines'),
      script: script(
        z.strictObject({
          afterMs: ms(0, 86_400_000, 1_000, 'Delay in ms between the previous step and this one'),
          compartment: shortName().describe('Name of the compartment'),
          percent: integer(0, 100, 0, 'New fill level in percent'),
        }),
      )
        .default([])
        .describe('Steps, one for each change of a fill level'),
      ...fullLevels,
    }),
  ])
  .prefault({})
  .describe('Fill levels of the compartments');

const indicator = z.strictObject({
  output: shortName().describe('Name of an output in panel.outputs'),
  onOffMs: z
    .array(ms(1, 600_000, 500, 'Duration in ms'))
    .max(40)
    .default([])
    .describe('Blink pattern: alternating on-times and off-times in ms. Empty: steadily on'),
  repeat: z.boolean().default(true).describe('Whether the pattern repeats'),
});

const indicators = (description: string) => z.array(indicator).max(8).default([]).describe(description);

export const panel = z
  .strictObject({
    outputs: z
      .record(shortName(), outputLine({ maxOnMs: 86_400_000, minOffMs: 0 }))
      .default({})
      .describe('LEDs and buzzers by name'),
    ready: indicators('Indicators that are active while the bin accepts an item'),
    busy: indicators('Indicators that are active while an item is sorted'),
    refused: indicators('Indicators that are active after an item was refused'),
    fault: indicators('Indicators that are active while a fault exists'),
    refusedMs: ms(100, 60_000, 3_000, 'Time in ms for which a refusal is shown'),
    light: z
      .strictObject({
        output: outputLine({ maxOnMs: 10_000, minOffMs: 0 }).describe('Output of the camera light'),
        settleMs: ms(0, 5_000, 150, 'Time in ms until the light is steady and the camera has adjusted to it'),
      })
      .nullable()
      .default(null)
      .describe('Camera light, which is on while the frame is taken. null: none'),
    service: optionalInput(
      { debounceMs: 20 },
      'Service switch for work inside the bin. While it is active, every move is locked. null: none',
    ),
    wrong: optionalInput(
      { debounceMs: 20 },
      'Button that marks the last item as sorted wrongly, for a later review. null: none',
    ),
  })
  .superRefine((value, context) => {
    const reporter = reporterOf(context);
    for (const name of Object.keys(value.outputs)) reporter.checkLineName(['outputs', name], 'sign-');
    for (const state of ['ready', 'busy', 'refused', 'fault'] as const)
      for (const [index, { output, onOffMs, repeat }] of value[state].entries()) {
        if (!(output in value.outputs))
          reporter.refuse([state, index, 'output'], 'a name from panel.outputs');
        if (repeat && onOffMs.length % 2 === 1)
          reporter.refuse([state, index, 'onOffMs'], 'pairs of an on-time and an off-time', {
            context: 'for a pattern that repeats',
          });
      }
  })
  .prefault({})
  .describe('Operator panel: indicators, camera light, service switch and buttons');
