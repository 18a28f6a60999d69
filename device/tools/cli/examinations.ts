import { join, resolve } from 'node:path';
import { pino } from 'pino';
import { parseConfig } from '../../config/load.js';
import type { Config } from '../../config/schema.js';
import { SystemClock } from '../../kit/clock.js';
import { packageRoot } from '../../kit/root.js';
import { type Bundle, BundleError, loadBundle } from '../../perception/inference/bundle/bundle.js';
import { probe, type RuntimeOption, runtimeOptions } from '../../perception/vision/probe.js';
import { visionOptions } from '../../wire/model.js';
import type { Section } from '../doctor/doctor.js';
import { examineRuntimes, type RuntimesOptions } from '../doctor/runtimes.js';
import { EXIT } from './failure.js';

export interface Read {
  readonly config: Config;
  /** What relative paths in it are relative to. */
  readonly folder: string;
}

/** The folder of the bundle that the configuration names, else of the factory's. */
export const bundleFolder = ({ config, folder }: Read): string =>
  config.model.bundle === null ? join(packageRoot(), 'deploy/model') : resolve(folder, config.model.bundle);

/** A bundle that is whole, or what is wrong with it. */
export const tryBundle = (folder: string): Promise<Bundle | BundleError> =>
  loadBundle(folder).catch((thrown) => {
    if (thrown instanceof BundleError) return thrown;
    throw thrown;
  });

/** How the model would be executed; by the defaults where vision is simulated. */
export const visionOf = ({ vision }: Config): Extract<Config['vision'], { driver: 'child' }> => {
  if (vision.driver === 'child') return vision;
  const { vision: standard } = parseConfig('', 'defaults');
  if (standard.driver !== 'child') throw new TypeError('the default vision is no child');
  return standard;
};

/** Every way of executing `bundle` that `which` picks, tried in a child each, with progress on a terminal. */
export const tryRuntimes = (
  read: Read,
  bundle: Bundle,
  which: (way: RuntimeOption) => boolean,
  wanted: RuntimesOptions['wanted'],
): Promise<Section> => {
  const vision = visionOf(read.config);
  const options = { clock: new SystemClock(), log: pino({ level: 'silent' }), deadlineMs: vision.startMs };
  return examineRuntimes({
    ways: runtimeOptions({ ...visionOptions(vision, read.folder, bundle.folder), skip: [] }).filter(which),
    bundle,
    wanted,
    probe: (way) => {
      if (process.stderr.isTTY) process.stderr.write(`trying ${way.title} …\n`);
      return probe(way.options, options);
    },
    exitCodes: { damaged: EXIT.data, unavailable: EXIT.unavailable },
  });
};
