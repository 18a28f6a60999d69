import { pino } from 'pino';
import { parseConfig } from '../../config/load.js';
import type { Config } from '../../config/schema.js';
import { SystemClock } from '../../kit/clock.js';
import { plain } from '../../kit/plain-text.js';
import { type Bundle, BundleError, loadBundle } from '../../perception/inference/bundle/bundle.js';
import { probe, type RuntimeOption, runtimeOptions } from '../../perception/vision/probe.js';
import { visionOptions } from '../../wire/model.js';
import type { Section } from '../doctor/doctor.js';
import { examineRuntimes, type RuntimesOptions } from '../doctor/runtimes.js';
import { EXIT } from './failure.js';
import type { CommandConfig } from './loaded-config.js';

/** Returns the bundle, or the error if it is missing, damaged or invalid. */
export const loadBundleOrError = (folder: string): Promise<Bundle | BundleError> =>
  loadBundle(folder).catch((thrown) => {
    if (thrown instanceof BundleError) return thrown;
    throw thrown;
  });

/** Returns the settings of the vision process. If vision is simulated, these are the defaults. */
export const visionOf = ({ vision }: Config): Extract<Config['vision'], { driver: 'child' }> => {
  if (vision.driver === 'child') return vision;
  const { vision: defaults } = parseConfig('', 'defaults');
  if (defaults.driver !== 'child') throw new TypeError('the default vision driver is not child');
  return defaults;
};

/** Tests each runtime that `includes` accepts in its own vision process. Shows the progress on a terminal. */
export const testRuntimes = (
  { config, folder }: CommandConfig,
  bundle: Bundle,
  includes: (option: RuntimeOption) => boolean,
  selection: RuntimesOptions['selection'],
): Promise<Section> => {
  const vision = visionOf(config);
  const options = { clock: new SystemClock(), log: pino({ level: 'silent' }), deadlineMs: vision.startMs };
  return examineRuntimes({
    candidates: runtimeOptions({ ...visionOptions(vision, folder, bundle.folder), skip: [] }).filter(
      includes,
    ),
    bundle,
    selection,
    probe: (option) => {
      if (process.stderr.isTTY) process.stderr.write(`testing ${plain(option.title)}\n`);
      return probe(option.options, options);
    },
    exitCodes: { damaged: EXIT.data, unavailable: EXIT.unavailable },
  });
};
