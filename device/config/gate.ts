import { z } from 'zod';
import { type Calibration, pulseAt } from '../hardware/gate/gate.js';
import {
  defaultDriver,
  driver,
  hang,
  inputOf,
  ms,
  outputLine,
  type Report,
  reportTo,
  script,
  shortName,
  text,
  whole,
} from './fields.js';

const gateStep = z.union([
  z.strictObject({
    moveMs: z.number().int().min(0).max(600_000).describe('Moves, and takes so long in ms'),
  }),
  z.strictObject({ fault: z.enum(['gate-jammed', 'gate-failed']).describe('Answers with this fault') }),
  hang(),
]);

// What the gates on lines have in common.

export const patience = {
  passive: z
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

export const end = inputOf(
  { debounceMs: 10 },
  'Switch that is active once the gate is there; without one the time says it',
);

/** A gate of outputs: a member of the union `gate`. */
export const linesGate = z
  .strictObject({
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
  })
  .superRefine(({ compartments }, context) => {
    const report = reportTo(context);
    for (const [name, { output, onMs, end }] of Object.entries(compartments)) {
      const path = ['compartments', name];
      report.lineName(path, 'gate-', end ? '.end' : '');
      if (onMs > output.maxOnMs) report.value([...path, 'onMs'], `at most output.maxOnMs, ${output.maxOnMs}`);
    }
  });

const HOME_US = 1_500;

const pulse = () => z.number().int().min(100).max(10_000);
const angle = () => z.number().min(-360).max(360);

const shape = z.strictObject({
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
  calibration: z
    .strictObject({
      fromDegrees: angle().describe('One angle'),
      toDegrees: angle().describe('Another'),
      fromUs: pulse().describe('The pulse at which it stands at fromDegrees'),
      toUs: pulse().describe('… and at toDegrees'),
    })
    .nullable()
    .default(null)
    .describe(
      'Two points as measured on the servo, at fromDegrees its pulse is fromUs and at toDegrees toUs, so that ' +
        'positions can be angles; null: they are pulses',
    ),
  homePulseUs: pulse()
    .nullable()
    .default(null)
    .describe(`The pulse of the home position; null: homeDegrees, or else ${HOME_US}`),
  homeDegrees: angle().nullable().default(null).describe('The angle of the home position; null: homePulseUs'),
  compartments: z
    .record(
      shortName(),
      z.union([
        z.strictObject({ pulseUs: pulse().describe('The pulse of its position'), end }),
        z.strictObject({ degrees: angle().describe('The angle of its position'), end }),
      ]),
    )
    .default({})
    .describe('The positions of the gate: each by its pulse, or by its angle'),
  moveMs: ms(10, 60_000, 800, 'The time of the longest way in ms'),
  holdMs: ms(0, 60_000, 600, 'It stays in the position for so long in ms: the item falls'),
  ...patience,
});

type Servo = z.infer<typeof shape>;

/** A gate on a servo: a member of the union `gate`. */
export const servoGate = shape
  .superRefine((servo, context) => {
    const report = reportTo(context);
    checkTimes(servo, report);
    for (const [name, { end }] of Object.entries(servo.compartments))
      if (end) report.lineName(['compartments', name], 'gate-', '.end');
    if (isOrdered(servo, report)) checkPositions(servo, report);
  })
  .transform(({ homePulseUs, homeDegrees, ...rest }) => ({
    ...rest,
    ...(homeDegrees === null
      ? { homePulseUs: homePulseUs ?? HOME_US, homeDegrees: null }
      : { homePulseUs: null, homeDegrees }),
  }));

const checkTimes = ({ pwm, moveMs, holdMs, home, homeMs }: Servo, { value }: Report): void => {
  const awayMs = moveMs + holdMs;
  const leastMs = Math.max(awayMs, home ? homeMs : 0);
  if (leastMs > pwm.maxOnMs)
    value(
      ['pwm', 'maxOnMs'],
      `at least ${leastMs}, since ${leastMs === awayMs ? 'moveMs and holdMs together take' : 'homeMs takes'} so long`,
    );
};

const isOrdered = ({ pwm, calibration }: Servo, { value }: Report): boolean => {
  const { periodUs, minPulseUs, maxPulseUs } = pwm;
  const complaints: [string[], string][] = [];
  if (minPulseUs >= maxPulseUs)
    complaints.push([['pwm', 'minPulseUs'], `less than maxPulseUs, ${maxPulseUs}`]);
  if (maxPulseUs > periodUs) complaints.push([['pwm', 'maxPulseUs'], `at most periodUs, ${periodUs}`]);
  if (calibration && calibration.fromDegrees === calibration.toDegrees)
    complaints.push([['calibration', 'toDegrees'], 'another angle than fromDegrees']);
  if (calibration && calibration.fromUs === calibration.toUs)
    complaints.push([['calibration', 'toUs'], 'another pulse than fromUs']);
  for (const [path, allowed] of complaints) value(path, allowed);
  return complaints.length === 0;
};

const checkPositions = (servo: Servo, { value }: Report): void => {
  const { homePulseUs, homeDegrees, compartments, calibration, pwm } = servo;
  const check = (path: string[], allowed: string | null) => {
    if (allowed !== null) value(path, allowed);
  };
  if (homePulseUs !== null && homeDegrees !== null)
    value(['homeDegrees'], 'null where homePulseUs is given: leave one of the two out');
  else if (homeDegrees !== null) check(['homeDegrees'], angleAllowed(homeDegrees, calibration, pwm));
  else check(['homePulseUs'], pulseAllowed(homePulseUs ?? HOME_US, pwm));
  for (const [name, way] of Object.entries(compartments)) {
    const path = ['compartments', name];
    if ('pulseUs' in way) check([...path, 'pulseUs'], pulseAllowed(way.pulseUs, pwm));
    else check([...path, 'degrees'], angleAllowed(way.degrees, calibration, pwm));
  }
};

type Bounds = Pick<Servo['pwm'], 'minPulseUs' | 'maxPulseUs'>;

/** null: it is allowed as it is. */
const pulseAllowed = (pulseUs: number, { minPulseUs, maxPulseUs }: Bounds): string | null =>
  pulseUs >= minPulseUs && pulseUs <= maxPulseUs
    ? null
    : `a pulse from pwm.minPulseUs to pwm.maxPulseUs, ${minPulseUs} to ${maxPulseUs}`;

const angleAllowed = (degrees: number, calibration: Calibration | null, bounds: Bounds): string | null => {
  if (!calibration) return 'an angle where gate.calibration is given; give it, or a pulse instead';
  const pulseUs = pulseAt(degrees, calibration);
  const { fromDegrees, toDegrees } = calibration;
  if (pulseUs === null)
    return `an angle of the calibration, from ${Math.min(fromDegrees, toDegrees)} to ${Math.max(fromDegrees, toDegrees)}`;
  const allowed = pulseAllowed(pulseUs, bounds);
  return allowed && `an angle with ${allowed}; this one has ${pulseUs}`;
};

export const gate = z
  .discriminatedUnion('driver', [
    z.strictObject({
      driver: defaultDriver('simulated', 'A gate of air'),
      moveMs: ms(0, 600_000, 800, 'How long a move takes, there and home, in ms'),
      script: script(gateStep)
        .default([])
        .describe('One step a move, from the start again at its end; empty: each move takes moveMs'),
    }),
    linesGate,
    servoGate,
  ])
  .prefault({})
  .describe('What moves the item into its compartment');
