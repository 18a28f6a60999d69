import { SortbinError } from '../../kit/errors.js';

/** How distances become a fill level. */
export interface FillRules {
  /** What the sensor measures of an empty compartment, in mm. */
  readonly emptyMm: number;
  /** Of a full one; less than `emptyMm`. */
  readonly fullMm: number;
  /** From this percentage on it is full … */
  readonly fullPercent: number;
  /** … until it is at this one or below; less than `fullPercent`. */
  readonly clearPercent: number;
  /** How much of a new measure counts, above 0 to 1 (all of it). */
  readonly smoothing: number;
}

export interface FillState {
  /** null: not measured since it was emptied. */
  readonly smoothedMm: number | null;
  readonly full: boolean;
}

export const initialFillState: FillState = { smoothedMm: null, full: false };

export const READINGS = 5;
/** Of the readings of one measure, so many must have worked. */
export const READINGS_NEEDED = 3;

/** @throws SortbinError `fill-rules-invalid`, naming the value that does not fit */
export const checkFillRules = (compartment: string, rules: FillRules): void => {
  const { emptyMm, fullMm, fullPercent, clearPercent, smoothing } = rules;
  const wrong = (what: string) =>
    new SortbinError('fill-rules-invalid', `the fill level of "${compartment}": ${what}`);
  if (!(fullMm >= 0 && fullMm < emptyMm))
    throw wrong(`fullMm (${fullMm}) must be less than emptyMm (${emptyMm}): the sensor looks down`);
  if (!(clearPercent >= 0 && clearPercent < fullPercent && fullPercent <= 100))
    throw wrong(`clearPercent (${clearPercent}) must be less than fullPercent (${fullPercent}), 0 to 100`);
  if (!(smoothing > 0 && smoothing <= 1)) throw wrong(`smoothing (${smoothing}) must be above 0, at most 1`);
};

/** The middle one; of an even number the lower of the two. */
export const median = (values: readonly number[]): number | undefined =>
  [...values].sort((a, b) => a - b)[(values.length - 1) >> 1];

/** A whole number from 0 to 100. */
export const percentOf = (mm: number, { emptyMm, fullMm }: FillRules): number =>
  Math.round(100 * Math.min(1, Math.max(0, (emptyMm - mm) / (emptyMm - fullMm))));

/** Pure: the median of one measure's readings, smoothed; too few readings change nothing. */
export const updateFill = (state: FillState, readingsMm: readonly number[], rules: FillRules): FillState => {
  const middleMm = median(readingsMm);
  if (middleMm === undefined || readingsMm.length < READINGS_NEEDED) return state;
  const beforeMm = state.smoothedMm ?? middleMm;
  const smoothedMm = beforeMm + rules.smoothing * (middleMm - beforeMm);
  const percent = percentOf(smoothedMm, rules);
  const full = state.full ? percent > rules.clearPercent : percent >= rules.fullPercent;
  return { smoothedMm, full };
};
