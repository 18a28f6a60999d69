import { join, resolve } from 'node:path';
import type { Config } from '../config/schema.js';
import { makePolicy, type Policy } from '../cycle/policy.js';
import type { Clock } from '../kit/clock.js';
import { packageRoot } from '../kit/root.js';
import type { Bundle } from '../perception/inference/bundle/bundle.js';
import { ModelSlot } from '../perception/model/model.js';
import { ForkedVision } from '../perception/vision/forked-vision.js';
import type { VisionOptions } from '../perception/vision/protocol.js';
import { SimulatedVision } from '../perception/vision/simulated-vision.js';
import type { Vision } from '../perception/vision/vision.js';
import { checkRoutes } from './gate.js';
import type { LoadedConfig } from './loaded-config.js';

/**
 * Creates the model slot of a bin. A bundle fits if the policy knows its labels, and the gate has a route to each
 * compartment.
 */
export const wireModel = (loaded: LoadedConfig, clock: Clock): ModelSlot<Policy> => makeSlot(loaded, clock);

/** Creates a model slot for the benchmark, whose simulated gate has a route to each compartment. */
export const wireBenchModel = (loaded: LoadedConfig, clock: Clock): ModelSlot<Policy> =>
  makeSlot(loaded, clock, () => {});

const makeSlot = (
  loaded: LoadedConfig,
  clock: Clock,
  check?: (policy: Policy) => void,
): ModelSlot<Policy> => {
  const { config, log } = loaded;
  return new ModelSlot({
    folder: bundleFolder(loaded),
    makePolicy: policyMaker(config, check),
    makeVision: (loadedBundle, isAcceleratorBusy) =>
      makeVision(loaded, clock, loadedBundle, isAcceleratorBusy),
    log,
  });
};

/** Returns what makes the policy of a bundle. @throws SortbinError if the bundle does not fit the bin */
export const policyMaker =
  (
    { policy: configured, gate }: Config,
    check: (policy: Policy) => void = (policy) => checkRoutes(gate, policy),
  ) =>
  ({ manifest }: Bundle): Policy => {
    const policy = makePolicy(configured, manifest.labels, manifest.policy);
    check(policy);
    return policy;
  };

/** The bundle that the bin starts with: that of the configuration, or else the factory bundle. */
export const bundleFolder = ({
  config: { model },
  folder,
}: Pick<LoadedConfig, 'config' | 'folder'>): string =>
  model.bundle === null ? join(packageRoot(), 'deploy/model') : resolve(folder, model.bundle);

const makeVision = (
  { config, folder, log }: LoadedConfig,
  clock: Clock,
  bundle: Bundle,
  isAcceleratorBusy: boolean,
): Vision => {
  const { vision } = config;
  if (vision.driver === 'simulated')
    return new SimulatedVision({ script: vision.script, labels: bundle.manifest.labels, clock });
  const { startMs } = vision;
  return new ForkedVision({
    ...visionOptions(vision, folder, bundle.folder),
    startMs,
    isAcceleratorBusy,
    clock,
    log,
  });
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
