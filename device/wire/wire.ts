import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';
import type { Logger } from 'pino';
import type { Config } from '../config/schema.js';
import { makePolicy, type Policy } from '../cycle/policy.js';
import type { CycleOptions, Parts } from '../cycle/runner.js';
import type { Camera } from '../hardware/camera/camera.js';
import { mixed, picturesIn, SimulatedCamera } from '../hardware/camera/simulated-camera.js';
import { SimulatedGate } from '../hardware/gate/simulated-gate.js';
import { SimulatedTrigger } from '../hardware/trigger/simulated-trigger.js';
import { SimulatedJournal } from '../journal/simulated-journal.js';
import { SqliteJournal } from '../journal/sqlite-journal.js';
import { type Clock, SystemClock } from '../kit/clock.js';
import { newId } from '../kit/ids.js';
import { packageRoot } from '../kit/root.js';
import type { EmbeddedBroker, Outbox, Publisher } from '../network/mqtt/mqtt.js';
import { OutboxPublisher } from '../network/mqtt/outbox-publisher.js';
import { loadBundle } from '../perception/inference/bundle.js';
import { ForkedVision } from '../perception/vision/forked-vision.js';
import type { VisionOptions } from '../perception/vision/protocol.js';
import { SimulatedVision } from '../perception/vision/simulated-vision.js';
import type { Vision } from '../perception/vision/vision.js';
import { type Hardware, wireHardware } from './hardware.js';

/** Where a configuration is read: what its relative paths are relative to. */
export interface LoadedConfig {
  readonly config: Config;
  readonly folder: string;
  readonly log: Logger;
}

/** What a bin is made of. */
export interface Wired {
  readonly parts: Parts;
  readonly cycle: CycleOptions;
  readonly labels: readonly string[];
  readonly bundleFolder: string;
}

/** … and what it has on disk and in the machine. */
export interface WiredBin extends Wired {
  readonly dataDir: string;
  readonly hardware: Hardware;
}

/** The parts of a bin as the configuration names them. @throws SortbinError, and nothing is left open */
export const wireBin = async (setting: LoadedConfig): Promise<WiredBin> => {
  const { config, folder, log } = setting;
  const clock = new SystemClock();
  const model = await modelParts(setting, clock);
  const camera = await makeCamera(setting, clock);
  const dataDir = resolve(folder, config.dataDir);
  const { maxEvents, maxOutbox, frames } = config.journal;
  const journal = await SqliteJournal.open({
    dataDir,
    maxEvents,
    maxOutbox,
    maxFrames: frames.maxCount,
    maxFrameBytes: frames.maxBytes,
  });
  const { vision, ...rest } = model;
  try {
    const hardware = await wireHardware({ config, folder, dataDir, policy: rest.cycle.policy, clock, log });
    const { trigger, gate, panel, fillParts } = hardware;
    const parts: Parts = {
      trigger,
      camera,
      vision,
      gate,
      light: panel.light,
      ...(fillParts ? { fill: fillParts.fill } : {}),
      journal,
      clock,
      newId,
      log,
    };
    return { ...rest, parts, hardware, dataDir };
  } catch (thrown) {
    await journal.close();
    throw thrown;
  }
};

/** A bin whose camera is shown the pictures of a folder, one for each `show`, and whose gate takes no time. */
export const wireBench = async (
  setting: LoadedConfig,
  folder: string,
  limit: number,
): Promise<Wired & { readonly pictures: readonly string[]; show(): void }> => {
  const clock = new SystemClock();
  const { vision, ...rest } = await modelParts(setting, clock);
  const all = await picturesIn(folder);
  const pictures = limit < all.length ? mixed(all).slice(0, limit) : all;
  const script = pictures.map((picture) => ({ picture }));
  const trigger = new SimulatedTrigger({ script: [], repeat: false, clock, newId });
  const parts: Parts = {
    trigger,
    camera: new SimulatedCamera({ folder, script, delayMs: 0, clock, newId }),
    vision,
    gate: new SimulatedGate({ script: [], moveMs: 0, clock }),
    journal: new SimulatedJournal(),
    clock,
    newId,
    log: setting.log,
  };
  return { parts, pictures, show: () => trigger.fire('bench'), ...rest };
};

export const wirePublisher = async (
  { config, folder, log }: LoadedConfig,
  outbox: Outbox,
  clock: Clock,
): Promise<{ publisher: Publisher; broker: EmbeddedBroker | null; url: string }> => {
  const { mqtt, bin } = config;
  const broker = mqtt.url === null ? await embeddedBroker(mqtt.embedded, log) : null;
  const url = mqtt.url ?? broker?.url ?? '';
  const options = {
    prefix: mqtt.prefix,
    bin: bin.id,
    broker: {
      url,
      clientId: `${mqtt.prefix}-${bin.id}`.replaceAll('/', '-'),
      keepaliveSeconds: mqtt.keepaliveS,
      ...(broker ? { protocolVersion: 4 as const } : {}),
      ...(mqtt.username === null ? {} : { username: mqtt.username }),
      ...(mqtt.password === null ? {} : { password: mqtt.password }),
      ...(mqtt.ca === null ? {} : { caFile: resolve(folder, mqtt.ca) }),
    },
    window: mqtt.window,
    pubackDeadlineMs: mqtt.pubackMs,
    backoff: mqtt.backoff,
  };
  return {
    publisher: new OutboxPublisher(outbox, options, { clock, random: Math.random, log }),
    broker,
    url,
  };
};

/** Loaded only where it is wanted: it costs memory. */
const embeddedBroker = async (options: Config['mqtt']['embedded'], log: Logger): Promise<EmbeddedBroker> => {
  const { startEmbeddedBroker } = await import('../network/mqtt/embedded-broker.js');
  return startEmbeddedBroker(options, log);
};

/** Tells two configurations apart without showing either. */
export const digestOf = (config: Config): string => {
  const { mqtt, ...rest } = config;
  const text = JSON.stringify({ ...rest, mqtt: { ...mqtt, password: null } });
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
};

const modelParts = async (
  setting: LoadedConfig,
  clock: Clock,
): Promise<{ vision: Vision; cycle: CycleOptions; labels: readonly string[]; bundleFolder: string }> => {
  const { config, folder } = setting;
  const bundleFolder =
    config.model.bundle === null ? join(packageRoot(), 'deploy/model') : resolve(folder, config.model.bundle);
  const { manifest } = await loadBundle(bundleFolder);
  const policy: Policy = makePolicy(config.policy, manifest.labels, manifest.policy);
  return {
    vision: makeVision(setting, clock, bundleFolder, manifest.labels),
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

/** What a child is asked to serve; paths are the folder's of the configuration. */
export const visionOptions = (
  { runtime, threads, tflite, edgetpu, nice, cpus }: Extract<Config['vision'], { driver: 'child' }>,
  folder: string,
  bundle: string,
): Omit<VisionOptions, 'skip'> => {
  const library = tflite.library === null ? null : resolve(folder, tflite.library);
  return { bundle, runtime, threads, tflite: { ...tflite, library }, edgetpu, nice, cpus };
};

const makeCamera = async ({ config: { camera }, folder }: LoadedConfig, clock: Clock): Promise<Camera> => {
  const shown = camera.folder === null ? join(packageRoot(), 'test/samples') : resolve(folder, camera.folder);
  const script =
    camera.script.length > 0 ? camera.script : mixed(await picturesIn(shown)).map((picture) => ({ picture }));
  return new SimulatedCamera({ folder: shown, script, delayMs: camera.delayMs, clock, newId });
};
