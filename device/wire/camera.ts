import { join, resolve } from 'node:path';
import type { Camera } from '../hardware/camera/camera.js';
import { makeNodeLibcameraCamera } from '../hardware/camera/node-libcamera/node-libcamera-camera.js';
import { makeRpicamCamera } from '../hardware/camera/rpicam/rpicam-camera.js';
import { interleaveByLabel, listImages, SimulatedCamera } from '../hardware/camera/simulated-camera.js';
import { makeV4l2Camera } from '../hardware/camera/v4l2/v4l2-camera.js';
import type { Clock } from '../kit/clock.js';
import { newId } from '../kit/ids.js';
import { packageRoot } from '../kit/root.js';
import { findLibrary } from '../perception/inference/native.js';
import type { LoadedConfig } from './loaded-config.js';

/**
 * @throws SortbinError if the folder of a simulated camera has no image
 * @throws NativeError if there is no sortbin-camera for this machine, or it is damaged
 */
export const makeCamera = async (loaded: LoadedConfig, clock: Clock): Promise<Camera> => {
  const { folder, log } = loaded;
  const { camera } = loaded.config;
  const fromFolder = (path: string | null) => (path === null ? null : resolve(folder, path));
  switch (camera.driver) {
    case 'simulated': {
      const imageFolder = fromFolder(camera.folder) ?? join(packageRoot(), 'test/samples');
      const script =
        camera.script.length > 0
          ? camera.script
          : interleaveByLabel(await listImages(imageFolder)).map((picture) => ({ picture }));
      return new SimulatedCamera({ folder: imageFolder, script, delayMs: camera.delayMs, clock, newId });
    }
    case 'rpicam':
      return makeRpicamCamera({
        ...camera,
        settings: { ...camera, tuningFile: fromFolder(camera.tuningFile) },
        program: fromFolder(camera.program),
        latencyMs: camera.latencyMs ?? 0,
        ...{ newId, clock, log },
      });
    case 'v4l2':
      return makeV4l2Camera({
        ...camera,
        program: await v4l2Program(loaded),
        ...{ newId, clock, log },
      });
    case 'node-libcamera': {
      const program = fromFolder(camera.program);
      return makeNodeLibcameraCamera({ ...camera, program, newId, clock, log });
    }
  }
};

/**
 * Returns the path of sortbin-camera.
 * @throws NativeError if there is none for this machine, or it is damaged
 */
export const v4l2Program = async ({
  config: { camera },
  folder,
}: Pick<LoadedConfig, 'config' | 'folder'>): Promise<string> => {
  const program = camera.driver === 'v4l2' ? camera.program : null;
  return program === null ? findLibrary({ name: 'sortbin-camera' }) : resolve(folder, program);
};
