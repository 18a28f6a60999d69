import { join, resolve } from 'node:path';
import type { CycleOptions, Parts } from '../cycle/runner.js';
import type { Camera } from '../hardware/camera/camera.js';
import { interleaveByLabel, listImages, SimulatedCamera } from '../hardware/camera/simulated-camera.js';
import { SimulatedGate } from '../hardware/gate/simulated-gate.js';
import { SimulatedTrigger } from '../hardware/trigger/simulated-trigger.js';
import { SimulatedJournal } from '../journal/simulated-journal.js';
import { SqliteJournal } from '../journal/sqlite-journal.js';
import { type Clock, SystemClock } from '../kit/clock.js';
import { newId } from '../kit/ids.js';
import { packageRoot } from '../kit/root.js';
import { type Hardware, wireHardware } from './hardware.js';
import type { LoadedConfig } from './loaded-config.js';
import { loadModelParts } from './model.js';

/** The parts of the sorting cycle. */
export interface Wired {
  readonly parts: Parts;
  readonly cycle: CycleOptions;
  readonly labels: readonly string[];
  readonly bundleFolder: string;
}

/** A complete bin: the sorting cycle with its data folder and its hardware. */
export interface WiredBin extends Wired {
  readonly dataDir: string;
  readonly hardware: Hardware;
}

/**
 * Creates the parts of a bin that the configuration selects. If `signal` is aborted, the start of the lines ends.
 * @throws SortbinError if a part cannot be created; the signal's reason. Nothing is left open then.
 */
export const wireBin = async (loaded: LoadedConfig, signal: AbortSignal): Promise<WiredBin> => {
  const { config, folder, log } = loaded;
  const clock = new SystemClock();
  const model = await loadModelParts(loaded, clock);
  const camera = await makeCamera(loaded, clock);
  const dataDir = resolve(folder, config.dataDir);
  const { maxEvents, maxOutbox, frames } = config.journal;
  const journal = new SqliteJournal({
    dataDir,
    maxEvents,
    maxOutbox,
    maxFrames: frames.maxCount,
    maxFrameBytes: frames.maxBytes,
    clock,
  });
  await journal.open();
  const { vision, ...rest } = model;
  try {
    const { policy } = rest.cycle;
    const hardware = await wireHardware({ config, folder, dataDir, policy, signal, clock, log });
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

/** Creates a sorting cycle for the benchmark. Each `show` sorts the next image of a folder. The gate takes no time. */
export const wireBench = async (
  loaded: LoadedConfig,
  folder: string,
  limit: number,
): Promise<Wired & { readonly pictures: readonly string[]; show(): void }> => {
  const clock = new SystemClock();
  const { vision, ...rest } = await loadModelParts(loaded, clock);
  const all = await listImages(folder);
  const pictures = limit < all.length ? interleaveByLabel(all).slice(0, limit) : all;
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
    log: loaded.log,
  };
  return { parts, pictures, show: () => trigger.fire('bench'), ...rest };
};

const makeCamera = async ({ config: { camera }, folder }: LoadedConfig, clock: Clock): Promise<Camera> => {
  const imageFolder =
    camera.folder === null ? join(packageRoot(), 'test/samples') : resolve(folder, camera.folder);
  const script =
    camera.script.length > 0
      ? camera.script
      : interleaveByLabel(await listImages(imageFolder)).map((picture) => ({ picture }));
  return new SimulatedCamera({ folder: imageFolder, script, delayMs: camera.delayMs, clock, newId });
};
