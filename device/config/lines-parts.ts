import { z } from 'zod';
import { airTemperatureC, driver, ms, shortName, whole } from './fields.js';
import { inputLine, outputLine } from './lines.js';
import { reportTo } from './report.js';

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
