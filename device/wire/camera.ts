import { join, resolve } from 'node:path';
import type { Config } from '../config/schema.js';
import type { Camera, CameraFault } from '../hardware/camera/camera.js';
import type { CameraList } from '../hardware/camera/camera-list.js';
import { interleaveByLabel, listImages } from '../hardware/camera/image-files.js';
import {
  findNodeLibcamera,
  makeNodeLibcameraCamera,
} from '../hardware/camera/node-libcamera/node-libcamera-camera.js';
import { listRpicamCameras } from '../hardware/camera/rpicam/list.js';
import { makeRpicamCamera } from '../hardware/camera/rpicam/rpicam-camera.js';
import { SimulatedCamera } from '../hardware/camera/simulated-camera.js';
import { listV4l2Cameras } from '../hardware/camera/v4l2/list.js';
import { resolveDevice } from '../hardware/camera/v4l2/stable-paths.js';
import { makeV4l2Camera } from '../hardware/camera/v4l2/v4l2-camera.js';
import type { Clock } from '../kit/clock.js';
import { type Answer, type Fault, failed, messageOf } from '../kit/errors.js';
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

/** The cameras of this machine, by driver. A fault: they cannot be listed. */
export interface ListedCameras {
  readonly v4l2: Answer<CameraList, CameraFault>;
  readonly rpicam: Answer<CameraList, CameraFault>;
}

type CameraContext = Pick<LoadedConfig, 'folder'> & { readonly config: Pick<Config, 'camera'> };

export const listCameras = async (context: CameraContext): Promise<ListedCameras> => {
  const { camera } = context.config;
  const isRibbon = camera.driver === 'rpicam' || camera.driver === 'node-libcamera';
  const program = isRibbon && camera.program !== null ? resolve(context.folder, camera.program) : null;
  const [v4l2, rpicam] = await Promise.all([
    v4l2Program(context).then(
      (found) => listV4l2Cameras({ program: found }),
      (thrown) => failed('camera-unsupported', messageOf(thrown)),
    ),
    listRpicamCameras({ program }),
  ]);
  return { v4l2, rpicam };
};

/**
 * Checks what the configured camera requires besides a camera: the images of a simulated camera, or the package
 * node-libcamera. Returns the fault, or null.
 */
export const requirementFault = async ({ config, folder }: CameraContext): Promise<Fault | null> => {
  const { camera } = config;
  if (camera.driver === 'node-libcamera') {
    const found = findNodeLibcamera();
    return found.ok ? null : found.fault;
  }
  if (camera.driver !== 'simulated' || camera.folder === null) return null;
  return listImages(resolve(folder, camera.folder)).then(
    () => null,
    (thrown) => failed('pictures-missing', `camera.folder: ${messageOf(thrown)}`).fault,
  );
};

/** Returns the path of a configured V4L2 camera without links. `device`: a path, or an index as text. */
export const resolveCamera = (device: string): Promise<string> => resolveDevice(device, '/');

/**
 * Returns the path of sortbin-camera.
 * @throws NativeError if there is none for this machine, or it is damaged
 */
const v4l2Program = async ({ config: { camera }, folder }: CameraContext): Promise<string> => {
  const program = camera.driver === 'v4l2' ? camera.program : null;
  return program === null ? findLibrary({ name: 'sortbin-camera' }) : resolve(folder, program);
};
