import type { Config } from '../../config/schema.js';
import type { CameraControl, CameraSettings, LibcameraSettings } from '../../hardware/camera/camera.js';
import type { Change } from './calibrate.js';

type RpicamConfig = Extract<Config['camera'], { driver: 'rpicam' }>;

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

/** A selector comes before its values, because a camera refuses a value while it adjusts it automatically. */
const fixedControls = (
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

/** Rounds to the precision that changes an image visibly. */
const rounded = (value: number): number => Math.round(value * 100) / 100;

/** Returns the changes that replace `auto` by the present value. */
const fixedLibcamera = (
  { exposure, whiteBalance, focus }: LibcameraSettings,
  configured: RpicamConfig,
): Change[] => {
  // The configuration allows no exposure longer than a frame.
  const maxShutterUs = Math.floor(1_000_000 / configured.framesPerSecond);
  const values = {
    exposure: exposure && {
      shutterUs: Math.min(Math.round(exposure.shutterUs), maxShutterUs),
      gain: rounded(exposure.gain),
    },
    whiteBalance: whiteBalance && { red: rounded(whiteBalance.red), blue: rounded(whiteBalance.blue) },
    focus: focus && { dioptres: rounded(focus.dioptres) },
  };
  const keys = ['exposure', 'whiteBalance', 'focus'] as const;
  return keys.flatMap((key) => {
    const to = values[key];
    return to && configured[key] === 'auto' ? [{ path: ['camera', key], from: 'auto', to }] : [];
  });
};

/** Returns the changes that keep exposure, white balance and focus at their present values. */
export const fixedSettings = (settings: CameraSettings, configured: Config['camera']): Change[] => {
  if (settings.kind === 'controls')
    return fixedControls(settings.controls, configured.driver === 'v4l2' ? configured.controls : {});
  return configured.driver === 'rpicam' ? fixedLibcamera(settings, configured) : [];
};

/** Two images of the same scene differ in brightness by less than this. */
const TOLERANCE = 3;
/** Number of images that show whether the exposure is steady. They take about a second. */
export const STEADY_IMAGES = 5;

/** Returns whether the brightness values, 0 to 255, are those of a steady exposure. */
export const isSteady = (levels: readonly number[]): boolean =>
  Math.max(...levels) - Math.min(...levels) <= TOLERANCE;
