import { type Fault, failed } from '../../../kit/errors.js';
import type { CameraFault } from '../camera.js';
import type { Ready } from './protocol.js';
import { devicePath, findStablePaths, resolveDevice } from './stable-paths.js';

/**
 * Finds the same camera again after it was unplugged, when its number may be another one, or its number may belong to
 * another camera.
 */
export class CameraIdentity {
  #path: string;
  #first: { readonly name: string; readonly hasStablePath: boolean } | null = null;

  /** `device`: the path or the index of the configuration. `root`: the folder of /dev. */
  constructor(
    device: string,
    private readonly root: string,
  ) {
    this.#path = device;
  }

  /** The path or the index to open. After the first start, it is the stable path of the camera, if the camera has one. */
  get path(): string {
    return this.#path;
  }

  /** Remembers the first camera. Returns a fault if this one is another one. */
  async check({ card, bus }: Pick<Ready, 'card' | 'bus'>): Promise<Fault<CameraFault> | null> {
    const name = `${card} (${bus})`;
    if (this.#first === null) {
      const stablePath = await this.#findStablePath();
      this.#path = stablePath ?? devicePath(this.#path);
      this.#first = { name, hasStablePath: stablePath !== null };
      return null;
    }
    if (this.#first.hasStablePath || name === this.#first.name) return null;
    return failed(
      'camera-missing',
      `${this.#path} is another camera now: ${name}. Connect ${this.#first.name} again, or restart sortbin to use this camera.`,
    ).fault;
  }

  /** Returns a path that stays with the camera, or null. A link of the configuration is one. */
  async #findStablePath(): Promise<string | null> {
    const path = devicePath(this.#path);
    const device = await resolveDevice(path, this.root);
    if (device !== path) return path;
    return (await findStablePaths(this.root)).get(device) ?? null;
  }
}
