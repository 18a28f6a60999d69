import { readdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { type Fault, failed } from '../../../kit/errors.js';
import type { CameraFault } from '../camera.js';
import type { Ready } from './protocol.js';

/** Where udev keeps a link for each camera. Its name contains the maker, the model and the serial number. */
const LINKS = '/dev/v4l/by-id';

/**
 * Finds the same camera again after it was unplugged, when its number may be another one, or its number may belong to
 * another camera.
 */
export class CameraIdentity {
  #path: string;
  #first: { readonly name: string; readonly isLink: boolean } | null = null;

  /** `device`: the path of the configuration. */
  constructor(
    device: string,
    private readonly linksFolder = LINKS,
  ) {
    this.#path = device;
  }

  /** The path to open. After the first start, it is the link of the camera, if the camera has one. */
  get path(): string {
    return this.#path;
  }

  /** Remembers the first camera. Returns a fault if this one is another one. */
  async check({ card, bus }: Pick<Ready, 'card' | 'bus'>): Promise<Fault<CameraFault> | null> {
    const name = `${card} (${bus})`;
    if (this.#first === null) {
      const link = await this.#findLink();
      this.#path = link ?? this.#path;
      this.#first = { name, isLink: link !== null };
      return null;
    }
    if (this.#first.isLink || name === this.#first.name) return null;
    return failed(
      'camera-missing',
      `${this.#path} is another camera now: ${name}. Connect ${this.#first.name} again, or restart sortbin to use this camera.`,
    ).fault;
  }

  /** Returns a path that stays with the camera, or null. A link of the configuration is one. */
  async #findLink(): Promise<string | null> {
    const file = await realpath(this.#path).catch(() => this.#path);
    if (file !== this.#path) return this.#path;
    for (const name of await readdir(this.linksFolder).catch(() => [])) {
      const link = join(this.linksFolder, name);
      if ((await realpath(link).catch(() => null)) === file) return link;
    }
    return null;
  }
}
