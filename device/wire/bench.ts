import type { Policy } from '../cycle/policy.js';
import type { CycleOptions, Parts } from '../cycle/runner.js';
import { findImages, interleaveByLabel } from '../hardware/camera/image-files.js';
import type { LeftOutFile } from '../hardware/camera/left-out.js';
import { SimulatedCamera } from '../hardware/camera/simulated-camera.js';
import { SimulatedGate } from '../hardware/gate/simulated-gate.js';
import { SimulatedTrigger } from '../hardware/trigger/simulated-trigger.js';
import { SimulatedJournal } from '../journal/simulated-journal.js';
import { SystemClock } from '../kit/clock.js';
import { newId } from '../kit/ids.js';
import type { ModelSlot } from '../perception/model/model.js';
import { cycleOptions, type LoadedConfig } from './loaded-config.js';
import { wireBenchModel } from './model.js';

/** The parts of the benchmark's cycle. */
export interface WiredBench {
  readonly parts: Parts & { readonly model: ModelSlot<Policy> };
  readonly cycle: CycleOptions;
  /** The images, in the order in which they are sorted. */
  readonly images: readonly string[];
  /** The files of the folder that are not used. */
  readonly leftOut: readonly LeftOutFile[];
  /** Sorts the next image. */
  show(): void;
}

/** Creates a sorting cycle for the benchmark over the images of a folder. The gate takes no time. */
export const wireBench = async (loaded: LoadedConfig, folder: string, limit: number): Promise<WiredBench> => {
  const clock = new SystemClock();
  const { images: all, leftOut } = await findImages(folder);
  const images = limit < all.length ? interleaveByLabel(all).slice(0, limit) : all;
  const script = images.map((picture) => ({ picture }));
  const trigger = new SimulatedTrigger({ script: [], repeat: false, clock, newId });
  const parts = {
    trigger,
    camera: new SimulatedCamera({ folder, script, delayMs: 0, clock, newId }),
    model: wireBenchModel(loaded, clock),
    gate: new SimulatedGate({ script: [], moveMs: 0, clock }),
    journal: new SimulatedJournal(),
    clock,
    newId,
    log: loaded.log,
  };
  return { parts, cycle: cycleOptions(loaded.config), images, leftOut, show: () => trigger.fire('bench') };
};
