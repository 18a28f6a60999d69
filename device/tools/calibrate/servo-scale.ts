import { type Calibration, degreesAt, pulseAt } from '../../hardware/gate/gate.js';

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
