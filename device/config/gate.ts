import { z } from 'zod';
import { type Calibration, pulseAt } from '../hardware/gate/gate.js';
import {
  defaultDriver,
  driver,
  hangStep,
  integer,
  ms,
  optionalInput,
  outputLine,
  type Reporter,
  reporterOf,
  script,
  shortName,
  text,
} from './fields.js';

/** The keys of every gate that is driven by GPIO or PWM. */
const commonGateKeys = {
  passive: z
    .array(shortName())
    .max(100)
    .default([])
    .describe('Compartments that items fall into without a move of the gate'),
  home: optionalInput({ debounceMs: 10 }, 'Home switch, active while the gate is at home. null: none'),
  lid: optionalInput(
    { debounceMs: 10 },
    'Lid switch (finger guard). While it is active, nothing moves and a running move stops. null: none',
  ),
  homeMs: ms(10, 60_000, 2_000, 'Deadline in ms for the home switch to become active'),
  retries: integer(0, 10, 1, 'Number of times that a jammed move is repeated'),
  backOffMs: ms(0, 60_000, 500, 'Pause in ms before a jammed move is repeated. Everything is off meanwhile'),
};

const endSwitch = optionalInput(
  { debounceMs: 10 },
  'End switch, active when the gate has reached the compartment. null: the time of the move decides',
);

const simulatedGate = z.strictObject({
  driver: defaultDriver('simulated', 'A gate without hardware'),
  moveMs: ms(0, 600_000, 800, 'Duration in ms of a move to a compartment and home again'),
  script: script(
    z.union([
      z.strictObject({
        moveMs: z.number().int().min(0).max(600_000).describe('A move with this duration in ms'),
      }),
      z.strictObject({ fault: z.enum(['gate-jammed', 'gate-failed']).describe('A move with this fault') }),
      hangStep(),
    ]),
  )
    .default([])
    .describe('Steps, one for each move. The script repeats. Empty: each move takes moveMs'),
});

const linesGate = z
  .strictObject({
    driver: driver(
      'lines',
      'A gate with one output for each compartment: solenoids, or the enable inputs of a motor driver',
    ),
    compartments: z
      .record(
        shortName(),
        z.strictObject({
          output: outputLine({ maxOnMs: 1_500, minOffMs: 200 }).describe(
            'Output that moves the gate to the compartment',
          ),
          onMs: ms(1, 60_000, 400, 'On-time of the output in ms. With an end switch: the maximum'),
          settleMs: ms(0, 60_000, 400, 'Time in ms for the item to fall and for the gate to spring back'),
          end: endSwitch,
        }),
      )
      .default({})
      .describe('Compartments that the gate moves to, by name'),
    ...commonGateKeys,
  })
  .superRefine(({ compartments }, context) => {
    const reporter = reporterOf(context);
    for (const [name, { output, onMs, end }] of Object.entries(compartments)) {
      const path = ['compartments', name];
      reporter.checkLineName(path, 'gate-', end ? '.end' : '');
      if (onMs > output.maxOnMs)
        reporter.refuse([...path, 'onMs'], `a value up to output.maxOnMs (${output.maxOnMs})`);
    }
  });

const DEFAULT_HOME_PULSE_US = 1_500;

const pulseUs = () => z.number().int().min(100).max(10_000);
const angleDegrees = () => z.number().min(-360).max(360);

const servoShape = z.strictObject({
  driver: driver('servo', 'A gate with a servo on a hardware PWM channel'),
  pwm: z
    .strictObject({
      chip: text(63)
        .default('0')
        .describe('Number of the PWM chip in /sys/class/pwm, or the name of its device'),
      channel: integer(0, 15, 0, 'Number of the channel on the PWM chip'),
      periodUs: integer(1_000, 100_000, 20_000, 'Period of the pulses in microseconds'),
      minPulseUs: integer(100, 10_000, 500, 'Shortest pulse in microseconds that is ever output'),
      maxPulseUs: integer(100, 10_000, 2_500, 'Longest pulse in microseconds that is ever output'),
      maxOnMs: ms(10, 600_000, 5_000, 'Maximum on-time in ms: pulses are never output for longer'),
    })
    .prefault({})
    .describe('PWM channel of the servo'),
  calibration: z
    .strictObject({
      fromDegrees: angleDegrees().describe('Angle in degrees of the first point'),
      toDegrees: angleDegrees().describe('Angle in degrees of the second point'),
      fromUs: pulseUs().describe('Pulse in microseconds at the angle fromDegrees, as measured'),
      toUs: pulseUs().describe('Pulse in microseconds at the angle toDegrees, as measured'),
    })
    .nullable()
    .default(null)
    .describe('Two measured points that convert angles to pulses. null: all positions are pulses'),
  homePulseUs: pulseUs()
    .nullable()
    .default(null)
    .describe(
      `Pulse in microseconds of the home position. null: homeDegrees, or ${DEFAULT_HOME_PULSE_US} if that is null too`,
    ),
  homeDegrees: angleDegrees()
    .nullable()
    .default(null)
    .describe('Angle in degrees of the home position. null: homePulseUs'),
  compartments: z
    .record(
      shortName(),
      z.union([
        z.strictObject({
          pulseUs: pulseUs().describe('Pulse in microseconds of the position'),
          end: endSwitch,
        }),
        z.strictObject({
          degrees: angleDegrees().describe('Angle in degrees of the position'),
          end: endSwitch,
        }),
      ]),
    )
    .default({})
    .describe('Positions of the compartments by name, each as a pulse or as an angle'),
  moveMs: ms(10, 60_000, 800, 'Duration in ms of the longest move, out or back'),
  holdMs: ms(0, 60_000, 600, 'Time in ms that the gate stays in the position while the item falls'),
  ...commonGateKeys,
});

type Servo = z.infer<typeof servoShape>;

const servoGate = servoShape
  .superRefine((servo, context) => {
    const reporter = reporterOf(context);
    checkTimes(servo, reporter);
    for (const [name, { end }] of Object.entries(servo.compartments))
      if (end) reporter.checkLineName(['compartments', name], 'gate-', '.end');
    if (hasValidRanges(servo, reporter)) checkPositions(servo, reporter);
  })
  .transform(({ homePulseUs, homeDegrees, ...rest }) => ({
    ...rest,
    ...(homeDegrees === null
      ? { homePulseUs: homePulseUs ?? DEFAULT_HOME_PULSE_US, homeDegrees: null }
      : { homePulseUs: null, homeDegrees }),
  }));

const checkTimes = ({ pwm, moveMs, holdMs, home, homeMs }: Servo, { refuse }: Reporter): void => {
  const outMs = moveMs + holdMs;
  const longestMs = Math.max(outMs, home ? homeMs : 0);
  if (longestMs > pwm.maxOnMs)
    refuse(
      ['pwm', 'maxOnMs'],
      `a value of ${longestMs} or more, the ${longestMs === outMs ? 'sum of moveMs and holdMs' : 'value of homeMs'}`,
    );
};

const hasValidRanges = ({ pwm, calibration }: Servo, { refuse }: Reporter): boolean => {
  const { periodUs, minPulseUs, maxPulseUs } = pwm;
  const problems: [path: string[], allowed: string][] = [];
  if (minPulseUs >= maxPulseUs)
    problems.push([['pwm', 'minPulseUs'], `a value below maxPulseUs (${maxPulseUs})`]);
  if (maxPulseUs > periodUs) problems.push([['pwm', 'maxPulseUs'], `a value up to periodUs (${periodUs})`]);
  if (calibration && calibration.fromDegrees === calibration.toDegrees)
    problems.push([['calibration', 'toDegrees'], 'an angle other than fromDegrees']);
  if (calibration && calibration.fromUs === calibration.toUs)
    problems.push([['calibration', 'toUs'], 'a pulse other than fromUs']);
  for (const [path, allowed] of problems) refuse(path, allowed);
  return problems.length === 0;
};

const checkPositions = (servo: Servo, reporter: Reporter): void => {
  const { homePulseUs, homeDegrees, compartments } = servo;
  if (homePulseUs !== null && homeDegrees !== null)
    reporter.refuse(['homeDegrees'], 'null', {
      context: 'together with homePulseUs',
      fix: 'Remove one of the two',
    });
  else if (homeDegrees !== null) checkAngle(['homeDegrees'], homeDegrees, servo, reporter);
  else
    checkPulse(
      ['homePulseUs'],
      homePulseUs ?? DEFAULT_HOME_PULSE_US,
      servo,
      reporter,
      homePulseUs === null ? `because its default ${DEFAULT_HOME_PULSE_US} is out of range` : undefined,
    );
  for (const [name, position] of Object.entries(compartments)) {
    const path = ['compartments', name];
    if ('pulseUs' in position) checkPulse([...path, 'pulseUs'], position.pulseUs, servo, reporter);
    else checkAngle([...path, 'degrees'], position.degrees, servo, reporter);
  }
};

const isPulseInRange = (pulseUs: number, { pwm }: Servo): boolean =>
  pulseUs >= pwm.minPulseUs && pulseUs <= pwm.maxPulseUs;

const pulseRange = ({ pwm }: Servo): string =>
  `a pulse from pwm.minPulseUs to pwm.maxPulseUs (${pwm.minPulseUs} to ${pwm.maxPulseUs})`;

const checkPulse = (
  path: string[],
  pulseUs: number,
  servo: Servo,
  { refuse }: Reporter,
  context?: string,
): void => {
  if (!isPulseInRange(pulseUs, servo)) refuse(path, pulseRange(servo), context ? { context } : {});
};

const checkAngle = (path: string[], degrees: number, servo: Servo, { refuse }: Reporter): void => {
  const { calibration } = servo;
  const pulseUs = calibration && pulseAt(degrees, calibration);
  if (!calibration)
    refuse(path, 'a pulse', {
      context: 'without gate.calibration',
      fix: 'Set gate.calibration, or use a pulse',
    });
  else if (pulseUs === null) refuse(path, angleRange(calibration));
  else if (!isPulseInRange(pulseUs, servo))
    refuse(path, `an angle with ${pulseRange(servo)}`, { context: `because its pulse is ${pulseUs}` });
};

const angleRange = ({ fromDegrees, toDegrees }: Calibration): string =>
  `an angle within the calibration, from ${Math.min(fromDegrees, toDegrees)} to ${Math.max(fromDegrees, toDegrees)}`;

export const gate = z
  .discriminatedUnion('driver', [simulatedGate, linesGate, servoGate])
  .prefault({})
  .describe('Gate, which moves the item into its compartment');
