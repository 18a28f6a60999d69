import { lstat, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileSystem } from '../../kit/file-system.js';
import { type BundleId, textOf } from '../bundle-id.js';
import { StoreError, systemCode } from './faults.js';
import { type Slots, slotIdOf } from './slots.js';
import { removeTree } from './tree.js';

/** The slots in use. `current`: null is the factory bundle. `previous`: null is none. */
export interface Pointers {
  readonly current: BundleId | null;
  readonly previous: BundleId | null;
}

type PointerName = keyof Pointers;
const NAMES: readonly PointerName[] = ['current', 'previous'];
const TARGET = /^slots\/([^/]+)$/;

const temporaryOf = (name: string): string => `.${name}.new`;

/** The symbolic links `current` and `previous`. A rename switches one of them. */
export class PointerLinks {
  constructor(
    private readonly folder: string,
    private readonly slots: Slots,
    private readonly files: FileSystem,
  ) {}

  async read(): Promise<Pointers> {
    return { current: await this.#read('current'), previous: await this.#read('previous') };
  }

  /** Switches the links that differ. `previous` protects the slot that `current` leaves, so that it is written first. */
  async write(pointers: Pointers): Promise<void> {
    const order = pointers.previous === null ? NAMES : NAMES.toReversed();
    for (const name of order) await this.#write(name, pointers[name]);
  }

  /**
   * Removes what a kill has left, and links to slots that do not exist. A program that copies the folder may have replaced
   * a link by a folder or a file. That is removed too, because nothing else can be at this place.
   */
  async removeLeftovers(): Promise<void> {
    const names = await readdir(this.folder);
    for (const name of NAMES) {
      if (names.includes(temporaryOf(name))) await this.files.remove(join(this.folder, temporaryOf(name)));
      const path = join(this.folder, name);
      const isLink = (await lstat(path).catch(() => null))?.isSymbolicLink() ?? true;
      if (!isLink) await removeTree(this.files, path);
      else if (names.includes(name) && (await this.#read(name)) === null) await this.#write(name, null);
    }
  }

  async #read(name: PointerName): Promise<BundleId | null> {
    const target = await readlink(join(this.folder, name)).catch(() => '');
    const id = slotIdOf(TARGET.exec(target)?.[1] ?? '');
    return id && (await this.slots.has(id)) ? id : null;
  }

  async #write(name: PointerName, id: BundleId | null): Promise<void> {
    const path = join(this.folder, name);
    const target = id && `slots/${textOf(id)}`;
    const present = await readlink(path).catch((thrown) => {
      if (systemCode(thrown) === 'ENOENT') return null;
      throw new StoreError('update-failed', `${path}: not a symbolic link. Remove it.`);
    });
    if (present === target) return;
    if (target === null) await this.files.remove(path);
    else {
      const temporary = join(this.folder, temporaryOf(name));
      await this.files.remove(temporary);
      await this.files.symlink(target, temporary);
      await this.files.rename(temporary, path);
    }
    await this.files.sync(this.folder);
  }
}
