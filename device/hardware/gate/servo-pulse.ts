import { SortbinError } from '../../kit/errors.js';

/** A servo position, as a pulse length or as an angle of its calibration. */
export type Position = { readonly pulseUs: number } | { readonly degrees: number };

/** Two measured points of a servo. Between them the pulse length changes linearly with the angle. */
export interface Calibration {
  readonly fromDegrees: number;
  readonly toDegrees: number;
  readonly fromUs: number;
  readonly toUs: number;
}

export interface PulseLimits {
  readonly minPulseUs: number;
  readonly maxPulseUs: number;
}

/** Returns the pulse of an angle in whole microseconds, or null if the angle is not between the two points. */
export const pulseAt = (
  degrees: number,
  { fromDegrees, toDegrees, fromUs, toUs }: Calibration,
): number | null => {
  const part = (degrees - fromDegrees) / (toDegrees - fromDegrees);
  return part >= 0 && part <= 1 ? Math.round(fromUs + part * (toUs - fromUs)) : null;
};

/** Returns the angle of a pulse. Extrapolates beyond the two points. */
export const degreesAt = (pulseUs: number, { fromDegrees, toDegrees, fromUs, toUs }: Calibration): number =>
  fromDegrees + ((pulseUs - fromUs) / (toUs - fromUs)) * (toDegrees - fromDegrees);

/**
 * Returns the pulse of a position in whole microseconds. A validated configuration never throws here.
 * @throws SortbinError `gate-rules` if the pulse is outside the limits, or the angle is outside the calibration
 */
export const pulseOf = (
  name: string,
  position: Position,
  calibration: Calibration | null,
  { minPulseUs, maxPulseUs }: PulseLimits,
): number => {
  const pulseUs =
    'pulseUs' in position
      ? Math.round(position.pulseUs)
      : calibration && pulseAt(position.degrees, calibration);
  if (pulseUs !== null && pulseUs >= minPulseUs && pulseUs <= maxPulseUs) return pulseUs;
  throw new SortbinError(
    'gate-rules',
    `servo position "${name}": ${JSON.stringify(position)} gives ${pulseUs === null ? 'no pulse' : `${pulseUs} us`}. ` +
      `Allowed: a pulse of ${minPulseUs} to ${maxPulseUs} us, or an angle within gate.calibration.`,
  );
};
