import { type Calibration, degreesAt, pulseAt } from '../../hardware/gate/gate.js';
import type { Lines, Pwm } from '../../hardware/lines/lines.js';
import { had, type Key } from './calibrate.js';
import { type Item, type Mover, type ServoConfig, unasked } from './mover.js';

/** Moves a servo to a pulse or to an angle, which the arrows change. */
export class ServoMover implements Mover {
  readonly help = 'hold space, left or right to move · left/right: less/more · up/down: step';
  readonly items: readonly [Item, ...Item[]];
  readonly #points: Points | null;
  #item: Item;
  #scale: Scale;
  #value: number;
  /** With the points as they stand now. */
  #calibration: Calibration | null = null;
  #step = 1;
  #note = '';

  private constructor(
    { all, points }: ServoItems,
    private readonly pwm: Pwm,
    private readonly bounds: Pick<ServoConfig['pwm'], 'minPulseUs' | 'maxPulseUs'>,
  ) {
    this.items = all;
    this.#points = points;
    this.#item = all[0];
    this.#value = this.#item.value;
    this.#scale = pulses(bounds);
  }

  /** @throws CalibrateError where the channel cannot be had */
  static async of(gate: ServoConfig, guards: readonly string[], lines: Lines): Promise<ServoMover> {
    const { chip, channel, ...rules } = gate.pwm;
    const pwm = await lines.pwm('gate-servo', { at: { chip, channel }, ...rules, guards });
    return new ServoMover(servoItems(gate), had('gate.pwm', pwm), rules);
  }

  get offer(): number {
    return this.#value;
  }

  get state(): string {
    const { unit, steps, least, most } = this.#scale;
    const note = this.#note && `; ${this.#note}`;
    return `${this.#place()} (${least} to ${most}), step ${steps[this.#step]} ${unit}${note}`;
  }

  choose(item: Item, now: (item: Item) => number): void {
    const points = this.#points;
    this.#note = '';
    this.#item = item;
    this.#value = now(item);
    this.#calibration = points && {
      ...points.angles,
      fromUs: now(points.from),
      toUs: now(points.to),
    };
    this.#scale =
      item.unit === 'degrees' && this.#calibration
        ? angles(this.#calibration, this.bounds)
        : pulses(this.bounds);
  }

  press(key: Key): 'moves' | 'moves-anew' | 'nothing' {
    const { steps } = this.#scale;
    if (key === ' ') return 'moves';
    if (key === 'up') this.#step = Math.min(this.#step + 1, steps.length - 1);
    if (key === 'down') this.#step = Math.max(this.#step - 1, 0);
    if (key !== 'left' && key !== 'right') return 'nothing';
    const before = this.#value;
    const step = steps[this.#step] ?? steps[0];
    this.#value = this.#scale.moved(before, key === 'left' ? -step : step);
    return this.#value === before ? 'moves' : 'moves-anew';
  }

  async drive(signal: AbortSignal): Promise<void> {
    this.#note = '';
    const pulseUs = this.#scale.pulseUs(this.#value);
    if (pulseUs === null) return;
    const answer = await this.pwm.drive(pulseUs, signal);
    this.#note = unasked(answer, signal.aborted) ?? '';
  }

  /** Where it is, or will be, in each unit there is. */
  #place(): string {
    const value = this.#value;
    if (this.#scale.unit === 'degrees') return `${value} degrees, pulse ${this.#scale.pulseUs(value)} us`;
    const { angles, from, to } = this.#points ?? {};
    const pulse = `pulse ${value} us`;
    if (this.#item === from) return `${pulse}, to stand at ${angles?.fromDegrees} degrees`;
    if (this.#item === to) return `${pulse}, to stand at ${angles?.toDegrees} degrees`;
    return this.#calibration ? `${pulse}, ${degreesAt(value, this.#calibration).toFixed(1)} degrees` : pulse;
  }
}

/** The two points of the calibration: the pulses at which the servo stands at their angles. */
export interface Points {
  readonly angles: Calibration;
  readonly from: Item;
  readonly to: Item;
}

export interface ServoItems {
  readonly all: readonly [Item, ...Item[]];
  /** null: there is no calibration. */
  readonly points: Points | null;
}

/** What can be found anew: home, the compartments and the points of the calibration, each in the unit it is given in. */
export const servoItems = ({
  homePulseUs,
  homeDegrees,
  compartments,
  calibration,
}: ServoConfig): ServoItems => {
  let digits = 0;
  const item = (name: string, unit: Item['unit'], value: number, ...path: string[]): Item => {
    const digit = digits < 10 ? `${digits++}` : null;
    return { name, digit, path: ['gate', ...path], value, unit };
  };
  const home =
    homeDegrees === null
      ? item('home', 'us', homePulseUs, 'homePulseUs')
      : item('home', 'degrees', homeDegrees, 'homeDegrees');
  const ways = Object.entries(compartments).map(([name, way]) =>
    'pulseUs' in way
      ? item(name, 'us', way.pulseUs, 'compartments', name, 'pulseUs')
      : item(name, 'degrees', way.degrees, 'compartments', name, 'degrees'),
  );
  if (!calibration) return { all: [home, ...ways], points: null };
  const from = item('calibration from', 'us', calibration.fromUs, 'calibration', 'fromUs');
  const to = item('calibration to', 'us', calibration.toUs, 'calibration', 'toUs');
  return { all: [home, ...ways, from, to], points: { angles: calibration, from, to } };
};

interface Bounds {
  readonly minPulseUs: number;
  readonly maxPulseUs: number;
}

/** What a position of the servo is told in, and stepped by. */
export interface Scale {
  readonly unit: 'us' | 'degrees';
  /** From fine to coarse. */
  readonly steps: readonly [number, number, number];
  readonly least: number;
  readonly most: number;
  /** In whole microseconds; null: it has none. */
  pulseUs(value: number): number | null;
  /** Farther by a step, and never out of the scale. */
  moved(value: number, by: number): number;
}

const within = (value: number, least: number, most: number) => Math.min(Math.max(value, least), most);

export const pulses = ({ minPulseUs, maxPulseUs }: Bounds): Scale => ({
  unit: 'us',
  steps: [1, 10, 50],
  least: minPulseUs,
  most: maxPulseUs,
  pulseUs: (value) => value,
  moved: (value, by) => within(value + by, minPulseUs, maxPulseUs),
});

/** An angle is found to a tenth of a degree; most pulses have no finer step. */
const PARTS = 10;
/** By so much of a part sums of floating-point numbers may be off. */
const NOISE = 1e-6;

/** The angles that are calibrated, and whose pulses are within the bounds. */
export const angles = (calibration: Calibration, { minPulseUs, maxPulseUs }: Bounds): Scale => {
  const { fromDegrees, toDegrees, fromUs, toUs } = calibration;
  const points = [fromDegrees, toDegrees];
  // While they are sought both points may be at one pulse, which is at no angle then.
  const ends =
    fromUs === toUs ? points : [minPulseUs, maxPulseUs].map((pulseUs) => degreesAt(pulseUs, calibration));
  const lowest = Math.max(Math.min(...ends), Math.min(...points));
  const highest = Math.min(Math.max(...ends), Math.max(...points));
  const least = Math.ceil(lowest * PARTS - NOISE) / PARTS;
  const most = Math.floor(highest * PARTS + NOISE) / PARTS;
  return {
    unit: 'degrees',
    steps: [0.1, 1, 5],
    least,
    most,
    pulseUs: (value) => pulseAt(value, calibration),
    // Plus 0: no file has a -0.
    moved: (value, by) => within(Math.round((value + by) * PARTS) / PARTS, least, most) + 0,
  };
};
