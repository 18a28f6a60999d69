import { join, resolve } from 'node:path';
import type { Config } from '../config/schema.js';
import { makePolicy } from '../cycle/policy.js';
import type { CycleOptions } from '../cycle/runner.js';
import type { Clock } from '../kit/clock.js';
import { packageRoot } from '../kit/root.js';
import { loadBundle } from '../perception/inference/bundle/bundle.js';
import { ForkedVision } from '../perception/vision/forked-vision.js';
import type { VisionOptions } from '../perception/vision/protocol.js';
import { SimulatedVision } from '../perception/vision/simulated-vision.js';
import type { Vision } from '../perception/vision/vision.js';
import type { LoadedConfig } from './loaded-config.js';

/** Loads the model bundle. Creates the vision and the options of the cycle from it. */
export const loadModelParts = async (
  loaded: LoadedConfig,
  clock: Clock,
): Promise<{ vision: Vision; cycle: CycleOptions; labels: readonly string[]; bundleFolder: string }> => {
  const { config, folder } = loaded;
  const bundleFolder =
    config.model.bundle === null ? join(packageRoot(), 'deploy/model') : resolve(folder, config.model.bundle);
  const { manifest } = await loadBundle(bundleFolder);
  const policy = makePolicy(config.policy, manifest.labels, manifest.policy);
  return {
    vision: makeVision(loaded, clock, bundleFolder, manifest.labels),
    cycle: {
      bin: config.bin.id,
      policy,
      whenFull: config.fill.driver === 'none' ? 'fallback' : config.fill.whenFull,
      limits: config.cycle,
    },
    labels: manifest.labels,
    bundleFolder,
  };
};

const makeVision = (
  { config, folder, log }: LoadedConfig,
  clock: Clock,
  bundle: string,
  labels: readonly string[],
): Vision => {
  const { vision } = config;
  if (vision.driver === 'simulated') return new SimulatedVision({ script: vision.script, labels, clock });
  return new ForkedVision({ ...visionOptions(vision, folder, bundle), startMs: vision.startMs, clock, log });
};

/** Converts the configuration of vision to the options of the vision process. Paths are resolved in `folder`. */
export const visionOptions = (
  { runtime, threads, tflite, edgetpu, nice, cpus }: Extract<Config['vision'], { driver: 'child' }>,
  folder: string,
  bundle: string,
): Omit<VisionOptions, 'skip'> => {
  const library = tflite.library === null ? null : resolve(folder, tflite.library);
  return { bundle, runtime, threads, tflite: { ...tflite, library }, edgetpu, nice, cpus };
};
