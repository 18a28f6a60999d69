import { SortbinError } from '../kit/errors.js';

/** Where a servo stands: by the length of its pulse, or by an angle of its calibration. */
export type Position = { readonly pulseUs: number } | { readonly degrees: number };

/** Two points, as measured on the servo; between them the pulse grows evenly with the angle. */
export interface Calibration {
  readonly fromDegrees: number;
  readonly toDegrees: number;
  readonly fromUs: number;
  readonly toUs: number;
}

export interface PulseBounds {
  readonly minPulseUs: number;
  readonly maxPulseUs: number;
}

const refused = (message: string) => new SortbinError('gate-rules', message);

/**
 * The pulse of a position, in whole microseconds.
 * @throws SortbinError `gate-rules` where it is out of the bounds, or an angle out of its calibration
 */
export const pulseOf = (
  name: string,
  position: Position,
  calibration: Calibration | null,
  { minPulseUs, maxPulseUs }: PulseBounds,
): number => {
  const pulseUs = Math.round(
    'pulseUs' in position ? position.pulseUs : ofAngle(name, position.degrees, calibration),
  );
  if (pulseUs >= minPulseUs && pulseUs <= maxPulseUs) return pulseUs;
  throw refused(
    `the servo's position "${name}" is a pulse of ${pulseUs} us; allowed are ${minPulseUs} to ${maxPulseUs} us`,
  );
};

const ofAngle = (name: string, degrees: number, calibration: Calibration | null): number => {
  if (!calibration)
    throw refused(`the servo's position "${name}" is an angle, and there is no calibration; give its pulse`);
  const { fromDegrees, toDegrees, fromUs, toUs } = calibration;
  if (fromDegrees === toDegrees)
    throw refused(`the servo's calibration needs two angles; both are ${fromDegrees} degrees`);
  const part = (degrees - fromDegrees) / (toDegrees - fromDegrees);
  if (part >= 0 && part <= 1) return fromUs + part * (toUs - fromUs);
  throw refused(
    `the servo's position "${name}" is at ${degrees} degrees; it is calibrated for ${fromDegrees} to ${toDegrees}`,
  );
};
