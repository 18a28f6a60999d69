import { z } from 'zod';
import { driver, ms, shortName, text, whole } from './fields.js';
import { inputLine, inputOf, outputLine } from './lines.js';

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
  z.strictObject({
    driver: driver('ultrasonic', 'An HC-SR04: something is there when it is near'),
    trig: outputLine({ maxOnMs: 1, minOffMs: 0 }).describe('Its trigger pin'),
    echo: inputLine({ debounceMs: 0 }).describe('Its echo pin, behind a divider to 3.3 V'),
    nearMm: whole(20, 4_000, 200, 'Nearer than this: something is there'),
    farMm: whole(20, 4_000, 250, 'Farther than this: it is gone'),
    everyMs: ms(60, 60_000, 100, 'From one measure to the next, in ms'),
    temperatureC: z.number().min(-20).max(60).default(20).describe('Of the air: sound is faster in warm air'),
  }),
  z.strictObject({
    driver: driver('command', 'No sensor: an item is there when the daemon gets SIGUSR2'),
  }),
] as const;

/** The triggers of a real bin: members of the union `trigger`. */
export const lineTriggers = [
  ...sensors,
  z.strictObject({
    driver: driver('several', 'Several of these: whichever notices something triggers'),
    sensors: z
      .record(shortName(), z.discriminatedUnion('driver', [...sensors]))
      .default({})
      .describe('Each by a name of its own'),
  }),
] as const;

const patience = {
  rest: z
    .array(shortName())
    .max(100)
    .default([])
    .describe('Compartments into which things fall by themselves: the gate does not move'),
  home: inputOf({ debounceMs: 10 }, 'Switch that is active while the gate is at home'),
  lid: inputOf({ debounceMs: 10 }, 'Finger guard: while it is active nothing moves, and what moves stops'),
  homeMs: ms(10, 60_000, 2_000, 'In this time in ms the home switch has to become active'),
  retries: whole(0, 10, 1, 'How many more times a jammed move is tried'),
  backOffMs: ms(0, 60_000, 500, 'The pause before that in ms, with everything off'),
};

const end = inputOf(
  { debounceMs: 10 },
  'Switch that is active once the gate is there; without one the time says it',
);

/** The gates on lines: members of the union `gate`. */
export const lineGates = [
  z.strictObject({
    driver: driver('lines', 'One output for each compartment: solenoids, or the enables of a motor driver'),
    compartments: z
      .record(
        shortName(),
        z.strictObject({
          output: outputLine({ maxOnMs: 1_500, minOffMs: 200 }).describe('What moves the gate there'),
          onMs: ms(1, 60_000, 400, 'It is on for so long in ms; with an end switch, at most'),
          settleMs: ms(0, 60_000, 400, 'The item falls and the gate springs back in this time in ms'),
          end,
        }),
      )
      .default({})
      .describe('The ways of the gate'),
    ...patience,
  }),
  z.strictObject({
    driver: driver('servo', 'A servo on a hardware PWM channel'),
    pwm: z
      .strictObject({
        chip: text(63)
          .default('0')
          .describe('Number of the PWM chip below /sys/class/pwm, or the name of its device'),
        channel: whole(0, 15, 0, 'Of that chip'),
        periodUs: whole(1_000, 100_000, 20_000, 'From pulse to pulse, in microseconds'),
        minPulseUs: whole(100, 10_000, 500, 'No shorter pulse is ever given'),
        maxPulseUs: whole(100, 10_000, 2_500, 'No longer pulse is ever given'),
        maxOnMs: ms(10, 600_000, 5_000, 'Pulses are never given for longer in ms'),
      })
      .prefault({})
      .describe('The channel'),
    homePulseUs: whole(100, 10_000, 1_500, 'The pulse of the home position'),
    compartments: z
      .record(
        shortName(),
        z.strictObject({ pulseUs: whole(100, 10_000, 1_500, 'The pulse of its position'), end }),
      )
      .default({})
      .describe('The positions of the gate'),
    moveMs: ms(10, 60_000, 800, 'The time of the longest way in ms'),
    holdMs: ms(0, 60_000, 600, 'It stays in the position for so long in ms: the item falls'),
    ...patience,
  }),
] as const;
