import { SortbinError } from '../../kit/errors.js';

/** The conversion of distances to a fill level. */
export interface FillRules {
  /** The distance that the sensor measures in an empty compartment, in mm. */
  readonly emptyMm: number;
  /** The distance in a full compartment, in mm. It is less than `emptyMm`. */
  readonly fullMm: number;
  /** The compartment becomes full at this percentage. */
  readonly fullPercent: number;
  /** A full compartment stays full until it is at or below this percentage, which is less than `fullPercent`. */
  readonly clearPercent: number;
  /** The weight of a new measurement, above 0 and at most 1. 1: earlier measurements do not count. */
  readonly smoothing: number;
}

export interface FillState {
  /** null: not measured since the compartment was emptied. */
  readonly smoothedMm: number | null;
  readonly full: boolean;
}

export const initialFillState: FillState = { smoothedMm: null, full: false };

/** The number of readings per measurement. */
export const READINGS = 5;
/** The number of successful readings that a measurement needs. */
export const READINGS_NEEDED = 3;

/** @throws SortbinError `fill-rules-invalid`, which names the key and the value */
export const checkFillRules = (compartment: string, rules: FillRules): void => {
  const { emptyMm, fullMm, fullPercent, clearPercent, smoothing } = rules;
  const invalid = (message: string) => new SortbinError('fill-rules-invalid', message);
  if (!(fullMm >= 0 && fullMm < emptyMm))
    throw invalid(
      `fill.sensors.${compartment}.fullMm: ${fullMm} does not fit emptyMm, ${emptyMm}. ` +
        'Use 0 <= fullMm < emptyMm, because the sensor looks down.',
    );
  if (!(clearPercent >= 0 && clearPercent < fullPercent && fullPercent <= 100))
    throw invalid(
      `fill.clearPercent: ${clearPercent} does not fit fill.fullPercent, ${fullPercent}. ` +
        'Use 0 <= clearPercent < fullPercent <= 100.',
    );
  if (!(smoothing > 0 && smoothing <= 1))
    throw invalid(`fill.smoothing: ${smoothing} is not allowed. Use a number above 0 and at most 1.`);
};

/** Returns the middle value. If the number of values is even, returns the lower of the two middle ones. */
export const median = (values: readonly number[]): number | undefined =>
  [...values].sort((a, b) => a - b)[(values.length - 1) >> 1];

/** Converts a distance to a whole number from 0 to 100. */
export const percentOf = (mm: number, { emptyMm, fullMm }: FillRules): number =>
  Math.round(100 * Math.min(1, Math.max(0, (emptyMm - mm) / (emptyMm - fullMm))));

/**
 * Returns the state after one measurement: the median of its readings, exponentially smoothed. Too few readings change
 * nothing.
 */
export const updateFill = (state: FillState, readingsMm: readonly number[], rules: FillRules): FillState => {
  const medianMm = median(readingsMm);
  if (medianMm === undefined || readingsMm.length < READINGS_NEEDED) return state;
  const beforeMm = state.smoothedMm ?? medianMm;
  const smoothedMm = beforeMm + rules.smoothing * (medianMm - beforeMm);
  const percent = percentOf(smoothedMm, rules);
  const full = state.full ? percent > rules.clearPercent : percent >= rules.fullPercent;
  return { smoothedMm, full };
};
