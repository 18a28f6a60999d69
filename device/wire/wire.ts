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
import { modelParts } from './model.js';

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
    log: setting.log,
  };
  return { parts, pictures, show: () => trigger.fire('bench'), ...rest };
};

const makeCamera = async ({ config: { camera }, folder }: LoadedConfig, clock: Clock): Promise<Camera> => {
  const shown = camera.folder === null ? join(packageRoot(), 'test/samples') : resolve(folder, camera.folder);
  const script =
    camera.script.length > 0 ? camera.script : interleaveByLabel(await listImages(shown)).map((picture) => ({ picture }));
  return new SimulatedCamera({ folder: shown, script, delayMs: camera.delayMs, clock, newId });
};
