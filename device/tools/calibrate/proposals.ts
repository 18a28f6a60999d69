import type { CameraControl } from '../../hardware/camera/camera-list.js';
import type { Change } from './calibrate.js';

/** Controls that a camera adjusts automatically. The second names are those of older kernels. */
interface AutomaticGroup {
  /** The control that selects automatic or manual. */
  readonly selectors: readonly string[];
  /** The value of the selector for manual. */
  readonly manual: number;
  readonly values: readonly string[];
}

const GROUPS: readonly AutomaticGroup[] = [
  {
    selectors: ['auto_exposure', 'exposure_auto'],
    manual: 1,
    values: ['exposure_time_absolute', 'exposure_absolute', 'gain'],
  },
  {
    selectors: ['white_balance_automatic', 'white_balance_temperature_auto'],
    manual: 0,
    values: ['white_balance_temperature'],
  },
  { selectors: ['focus_automatic_continuous', 'focus_auto'], manual: 0, values: ['focus_absolute'] },
];

/**
 * Returns the changes that keep exposure, white balance and focus at their present values. A selector comes before its
 * values, because a camera refuses a value while it adjusts it automatically.
 */
export const fixedControls = (
  controls: readonly CameraControl[],
  configured: Readonly<Record<string, number>>,
): Change[] =>
  GROUPS.flatMap(({ selectors, manual, values }) => {
    const selector = controls.find(({ name }) => selectors.includes(name));
    if (!selector) return [];
    const present = controls.filter(({ name }) => values.includes(name));
    return [{ name: selector.name, value: manual }, ...present];
  }).flatMap(({ name, value }) => {
    const from = configured[name] ?? null;
    return from === value ? [] : [{ path: ['camera', 'controls', name], from, to: value }];
  });

/** Brightness of an image, 0 to 255, at a time in monotonic ms. */
export interface Brightness {
  readonly atMs: number;
  readonly meanLuma: number;
}

/** Two images of the same scene differ by less than this. */
const TOLERANCE = 3;
const STABLE_MS = 1_000;
const STEP_MS = 500;

/**
 * Proposes `camera.lockAfterMs`: the time after the start from which the brightness was steady for a second, with a
 * reserve. Returns null if the brightness was not steady for a second yet.
 */
export const proposeLockMs = (levels: readonly Brightness[], startMs: number): number | null => {
  const steady = levels.find(({ atMs, meanLuma }) => {
    const later = levels.filter((level) => level.atMs >= atMs && level.atMs <= atMs + STABLE_MS);
    const isLongEnough = (levels.at(-1)?.atMs ?? 0) >= atMs + STABLE_MS;
    return isLongEnough && later.every((level) => Math.abs(level.meanLuma - meanLuma) <= TOLERANCE);
  });
  if (!steady) return null;
  return Math.max(2 * STEP_MS, STEP_MS * (Math.ceil((steady.atMs - startMs) / STEP_MS) + 1));
};
