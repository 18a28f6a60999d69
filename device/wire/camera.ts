import { join, resolve } from 'node:path';
import type { Camera } from '../hardware/camera/camera.js';
import { interleaveByLabel, listImages, SimulatedCamera } from '../hardware/camera/simulated-camera.js';
import type { Clock } from '../kit/clock.js';
import { newId } from '../kit/ids.js';
import { packageRoot } from '../kit/root.js';
import type { LoadedConfig } from './loaded-config.js';

/** @throws SortbinError if the folder has no image */
export const makeCamera = async (
  { config: { camera }, folder }: LoadedConfig,
  clock: Clock,
): Promise<Camera> => {
  const imageFolder =
    camera.folder === null ? join(packageRoot(), 'test/samples') : resolve(folder, camera.folder);
  const script =
    camera.script.length > 0
      ? camera.script
      : interleaveByLabel(await listImages(imageFolder)).map((picture) => ({ picture }));
  return new SimulatedCamera({ folder: imageFolder, script, delayMs: camera.delayMs, clock, newId });
};
