import { SortbinError } from '../../kit/errors.js';

/** Where a servo stands: by the length of its pulse, or by an angle of its calibration. */
export type Position = { readonly pulseUs: number } | { readonly degrees: number };

/** Two points, as measured on the servo; between them the pulse grows, or shrinks, evenly with the angle. */
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

/** The pulse of an angle, in whole microseconds; null: it is not between the two points. */
export const pulseAt = (
  degrees: number,
  { fromDegrees, toDegrees, fromUs, toUs }: Calibration,
): number | null => {
  const part = (degrees - fromDegrees) / (toDegrees - fromDegrees);
  return part >= 0 && part <= 1 ? Math.round(fromUs + part * (toUs - fromUs)) : null;
};

/** The angle of a pulse, beyond the two points too. */
export const degreesAt = (pulseUs: number, { fromDegrees, toDegrees, fromUs, toUs }: Calibration): number =>
  fromDegrees + ((pulseUs - fromUs) / (toUs - fromUs)) * (toDegrees - fromDegrees);

/**
 * The pulse of a position, in whole microseconds. The configuration has been checked before.
 * @throws SortbinError `gate-rules` where it is out of the bounds, or an angle out of its calibration
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
    `the servo's position "${name}" has to be a pulse of ${minPulseUs} to ${maxPulseUs} us, or an angle that is ` +
      `calibrated; it is ${JSON.stringify(position)}, ${pulseUs} us`,
  );
};
