import { type Calibration, degreesAt, pulseAt } from '../../hardware/gate/gate.js';
import type { Lines, Pwm } from '../../hardware/lines/lines.js';
import { type Key, unwrapLine } from './calibrate.js';
import { type KeyEffect, type Mover, type Parameter, type ServoConfig, unexpectedOff } from './mover.js';

/** Moves a servo to a pulse or to an angle, which the arrow keys change. */
export class ServoMover implements Mover {
  readonly help = 'hold space, left or right: move · left/right: less/more · up/down: step size';
  readonly parameters: readonly [Parameter, ...Parameter[]];
  readonly #points: CalibrationPoints | null;
  #selected: Parameter;
  #scale: Scale;
  #value: number;
  /** With the current values of the points. null: none is configured. */
  #calibration: Calibration | null = null;
  #stepIndex = 1;
  #note = '';

  private constructor(
    { all, points }: ServoParameters,
    private readonly pwm: Pwm,
    private readonly limits: PulseLimits,
  ) {
    this.parameters = all;
    this.#points = points;
    this.#selected = all[0];
    this.#value = this.#selected.value;
    this.#scale = pulseScale(limits);
  }

  /** Opens the PWM channel. @throws CalibrateError if it is unavailable */
  static async open(gate: ServoConfig, guards: readonly string[], lines: Lines): Promise<ServoMover> {
    const { chip, channel, ...rules } = gate.pwm;
    const pwm = await lines.pwm('gate-servo', { at: { chip, channel }, ...rules, guards });
    return new ServoMover(servoParameters(gate), unwrapLine('gate.pwm', pwm), rules);
  }

  get proposal(): number {
    return this.#value;
  }

  get status(): string {
    const { unit, steps, minimum, maximum } = this.#scale;
    const note = this.#note && `, ${this.#note}`;
    return `${this.#positionText()} (${minimum} to ${maximum}), step ${steps[this.#stepIndex]} ${unit}${note}`;
  }

  select(parameter: Parameter, currentValue: (parameter: Parameter) => number): void {
    const points = this.#points;
    this.#note = '';
    this.#selected = parameter;
    this.#value = currentValue(parameter);
    this.#calibration = points && {
      ...points.angles,
      fromUs: currentValue(points.from),
      toUs: currentValue(points.to),
    };
    this.#scale =
      parameter.unit === 'degrees' && this.#calibration
        ? angleScale(this.#calibration, this.limits)
        : pulseScale(this.limits);
  }

  press(key: Key): KeyEffect {
    const { steps } = this.#scale;
    if (key === ' ') return 'move';
    if (key === 'up') this.#stepIndex = Math.min(this.#stepIndex + 1, steps.length - 1);
    if (key === 'down') this.#stepIndex = Math.max(this.#stepIndex - 1, 0);
    if (key !== 'left' && key !== 'right') return 'none';
    const before = this.#value;
    const step = steps[this.#stepIndex] ?? steps[0];
    this.#value = this.#scale.add(before, key === 'left' ? -step : step);
    return this.#value === before ? 'move' : 'move-to-new-target';
  }

  async move(signal: AbortSignal): Promise<void> {
    this.#note = '';
    const pulseUs = this.#scale.pulseUs(this.#value);
    if (pulseUs === null) return;
    const answer = await this.pwm.drive(pulseUs, signal);
    this.#note = unexpectedOff(answer, signal.aborted) ?? '';
  }

  #positionText(): string {
    const value = this.#value;
    if (this.#scale.unit === 'degrees') return `${value} degrees, pulse ${this.#scale.pulseUs(value)} us`;
    const { angles, from, to } = this.#points ?? {};
    const pulse = `pulse ${value} us`;
    if (this.#selected === from) return `${pulse} for ${angles?.fromDegrees} degrees`;
    if (this.#selected === to) return `${pulse} for ${angles?.toDegrees} degrees`;
    return this.#calibration ? `${pulse}, ${degreesAt(value, this.#calibration).toFixed(1)} degrees` : pulse;
  }
}

/** The two points of the calibration: a pulse for each of two angles. */
interface CalibrationPoints {
  readonly angles: Calibration;
  readonly from: Parameter;
  readonly to: Parameter;
}

interface ServoParameters {
  readonly all: readonly [Parameter, ...Parameter[]];
  /** null: no calibration is configured. */
  readonly points: CalibrationPoints | null;
}

/** Returns home, the compartments and the calibration points, each in the unit of the configuration. */
const servoParameters = ({
  homePulseUs,
  homeDegrees,
  compartments,
  calibration,
}: ServoConfig): ServoParameters => {
  let digits = 0;
  const parameter = (name: string, unit: Parameter['unit'], value: number, ...path: string[]): Parameter => {
    const digit = digits < 10 ? `${digits++}` : null;
    return { name, digit, path: ['gate', ...path], value, unit };
  };
  const home =
    homeDegrees === null
      ? parameter('home', 'us', homePulseUs, 'homePulseUs')
      : parameter('home', 'degrees', homeDegrees, 'homeDegrees');
  const positions = Object.entries(compartments).map(([name, position]) =>
    'pulseUs' in position
      ? parameter(name, 'us', position.pulseUs, 'compartments', name, 'pulseUs')
      : parameter(name, 'degrees', position.degrees, 'compartments', name, 'degrees'),
  );
  if (!calibration) return { all: [home, ...positions], points: null };
  const from = parameter('calibration from', 'us', calibration.fromUs, 'calibration', 'fromUs');
  const to = parameter('calibration to', 'us', calibration.toUs, 'calibration', 'toUs');
  return { all: [home, ...positions, from, to], points: { angles: calibration, from, to } };
};

type PulseLimits = Pick<ServoConfig['pwm'], 'minPulseUs' | 'maxPulseUs'>;

/** The unit of a position, with its steps and limits. */
interface Scale {
  readonly unit: 'us' | 'degrees';
  /** From fine to coarse. */
  readonly steps: readonly [number, number, number];
  readonly minimum: number;
  readonly maximum: number;
  /** Converts a value to whole microseconds. null: the value has no pulse. */
  pulseUs(value: number): number | null;
  /** Adds a step and limits the result to the scale. */
  add(value: number, step: number): number;
}

const clamp = (value: number, minimum: number, maximum: number) =>
  Math.min(Math.max(value, minimum), maximum);

const pulseScale = ({ minPulseUs, maxPulseUs }: PulseLimits): Scale => ({
  unit: 'us',
  steps: [1, 10, 50],
  minimum: minPulseUs,
  maximum: maxPulseUs,
  pulseUs: (value) => value,
  add: (value, step) => clamp(value + step, minPulseUs, maxPulseUs),
});

/** Angles have a resolution of a tenth of a degree. A microsecond of the pulse is rarely a smaller angle. */
const STEPS_PER_DEGREE = 10;
/** Tolerance for rounding errors of floating-point sums, in steps. */
const TOLERANCE = 1e-6;

/** Returns the scale of the calibrated angles whose pulses are within the limits. */
const angleScale = (calibration: Calibration, { minPulseUs, maxPulseUs }: PulseLimits): Scale => {
  const { fromDegrees, toDegrees, fromUs, toUs } = calibration;
  const calibrated = [fromDegrees, toDegrees];
  // During the calibration both points may have the same pulse. Then a pulse has no angle.
  const reachable =
    fromUs === toUs ? calibrated : [minPulseUs, maxPulseUs].map((pulseUs) => degreesAt(pulseUs, calibration));
  const lowest = Math.max(Math.min(...reachable), Math.min(...calibrated));
  const highest = Math.min(Math.max(...reachable), Math.max(...calibrated));
  const minimum = Math.ceil(lowest * STEPS_PER_DEGREE - TOLERANCE) / STEPS_PER_DEGREE;
  const maximum = Math.floor(highest * STEPS_PER_DEGREE + TOLERANCE) / STEPS_PER_DEGREE;
  return {
    unit: 'degrees',
    steps: [0.1, 1, 5],
    minimum,
    maximum,
    pulseUs: (value) => pulseAt(value, calibration),
    // `+ 0` converts -0 to 0, which is what the file must contain.
    add: (value, step) =>
      clamp(Math.round((value + step) * STEPS_PER_DEGREE) / STEPS_PER_DEGREE, minimum, maximum) + 0,
  };
};
