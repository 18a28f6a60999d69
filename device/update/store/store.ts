import { lstat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Answer } from '../../kit/errors.js';
import { type FileSystem, systemFiles } from '../../kit/file-system.js';
import { type BundleId, compareVersions, isBundleFile, textOf } from '../bundle-id.js';
import { attempt, StoreError, type StoreFault, systemCode } from './faults.js';
import { type Content, Objects } from './objects.js';
import { PointerLinks, type Pointers } from './pointers.js';
import { type Slot, type SlotFile, Slots } from './slots.js';

export type { StoreFault } from './faults.js';
export type { Content } from './objects.js';
export type { Pointers } from './pointers.js';
export type { Slot, SlotFile } from './slots.js';

export interface StoreOptions {
  /** The folder of all that the store owns. Its parent exists. */
  readonly folder: string;
  /** The factory bundle. It is outside the store, which never removes it. */
  readonly factory: BundleId & { readonly manifestSha256: string | null; readonly folder: string };
  /** Free space that an update leaves for other data, in bytes. Default: 16 MiB. */
  readonly reserveBytes?: number;
  readonly files?: FileSystem;
  /** Returns the free space on the disk of the folder, in bytes. */
  readonly freeBytes?: () => Promise<number>;
}

/** Name of the store's folder in `dataDir`. */
export const STORE_FOLDER = 'models';

const SLOTS = 'slots';

/** Returns the folder of an installed bundle in a store, also of a store that is not open. */
export const slotFolder = (store: string, id: BundleId): string => join(store, SLOTS, textOf(id));

const RESERVE_BYTES = 16 * 1024 * 1024;

/**
 * Bundles on this disk. Each change is durable when its promise resolves. A kill at any moment leaves each slot complete
 * or absent, and each pointer old or new. Use one call at a time.
 *
 *     objects/<sha256>          files, read-only, each once
 *     slots/<name>@<version>/   hard links to objects
 *     current, previous         symbolic links to slots. Without `current`, the factory bundle is active.
 *     part/<sha256>             downloads in progress
 */
export class BundleStore {
  readonly #objects: Objects;
  readonly #slots: Slots;
  readonly #pointers: PointerLinks;
  readonly #files: FileSystem;

  private constructor(private readonly options: StoreOptions) {
    const { folder, files = systemFiles } = options;
    this.#files = files;
    this.#objects = new Objects(join(folder, 'objects'), join(folder, 'part'), files);
    this.#slots = new Slots(join(folder, SLOTS), this.#objects, files);
    this.#pointers = new PointerLinks(folder, this.#slots, files);
  }

  /** Opens the store, and removes what a kill has left. Part files stay, to continue their downloads. */
  static open(options: StoreOptions): Promise<Answer<BundleStore, StoreFault>> {
    const store = new BundleStore(options);
    return attempt(options.folder, async () => {
      const folders = await store.#makeFolders();
      await store.#slots.removeLeftovers();
      await store.#pointers.removeLeftovers();
      // A kill before a sync leaves names that a power cut can still undo.
      for (const folder of folders) await store.#files.sync(folder);
      if ((await store.#slots.list()).length === 0) await store.#checkLinks();
      return store;
    });
  }

  get factory(): Omit<StoreOptions['factory'], 'folder'> {
    const { folder: _, ...factory } = this.options.factory;
    return factory;
  }

  /** Returns the folder of a bundle; null: the factory bundle. */
  folderOf(id: BundleId | null): string {
    return id === null ? this.options.factory.folder : this.#slots.folderOf(id);
  }

  /** Returns the file for the download of a content. `addPart` takes it over. */
  partPath(sha256: string): string {
    return this.#objects.partOf(sha256);
  }

  slots(): Promise<Answer<readonly Slot[], StoreFault>> {
    return attempt(this.options.folder, () => this.#slots.list());
  }

  pointers(): Promise<Answer<Pointers, StoreFault>> {
    return attempt(this.options.folder, () => this.#pointers.read());
  }

  /**
   * Returns the files that must be downloaded, each content once. Reads the stored ones: a damaged one is removed, so
   * that it is downloaded again.
   */
  missing<T extends Content>(contents: readonly T[]): Promise<Answer<readonly T[], StoreFault>> {
    return attempt(this.options.folder, () => this.#objects.missing(contents));
  }

  /** Stores the part file of this content. `update-file-invalid`: it differs, and is removed. */
  addPart(content: Content): Promise<Answer<void, StoreFault>> {
    return attempt(this.partPath(content.sha256), () => this.#objects.add(content));
  }

  /** Builds a slot. All contents are stored. A slot that is complete stays. */
  build(id: BundleId, contents: readonly SlotFile[]): Promise<Answer<void, StoreFault>> {
    return attempt(this.folderOf(id), async () => {
      for (const { file } of contents)
        if (!isBundleFile(file))
          throw new StoreError(
            'update-file-invalid',
            `${textOf(id)}: ${JSON.stringify(file)}: not a file name.`,
          );
      if (await this.#slots.has(id)) {
        if (await this.#slots.consistsOf(id, contents)) return;
        await this.#remove(id);
      }
      await this.#slots.build(id, contents);
    });
  }

  /** Reads all files of a slot, and compares each with its sha256. */
  verify(id: BundleId): Promise<Answer<void, StoreFault>> {
    return attempt(this.folderOf(id), () => this.#slots.verify(id));
  }

  /** Switches the pointers to slots that exist. */
  point(pointers: Pointers): Promise<Answer<void, StoreFault>> {
    return attempt(this.options.folder, async () => {
      for (const id of [pointers.current, pointers.previous])
        if (id && !(await this.#slots.has(id)))
          throw new StoreError('update-failed', `${this.folderOf(id)}: no such slot. Install ${textOf(id)}.`);
      await this.#pointers.write(pointers);
    });
  }

  /** Removes a slot, and the objects that only it used. Refuses `current` and `previous`. */
  remove(id: BundleId): Promise<Answer<void, StoreFault>> {
    return attempt(this.folderOf(id), async () => {
      if (await this.#slots.has(id)) await this.#remove(id);
    });
  }

  /** Removes the objects that no slot uses and all part files, except the contents in `keep`. */
  removeUnused(keep: readonly Content[] = []): Promise<Answer<void, StoreFault>> {
    return attempt(this.options.folder, () => this.#objects.removeUnused(keep));
  }

  /**
   * Makes room for the download of `missing`, to build a slot from `contents`. If the disk has too little room, removes
   * old slots, the oldest version first, but never `current` and `previous`. If that would not suffice, removes none.
   */
  makeRoom(contents: readonly Content[], missing: readonly Content[]): Promise<Answer<void, StoreFault>> {
    const { folder, reserveBytes = RESERVE_BYTES } = this.options;
    return attempt(folder, async () => {
      await this.#objects.removeUnused(contents);
      const bytes = missing.reduce((sum, content) => sum + content.bytes, 0);
      const needed = bytes - (await this.#objects.partBytes(missing)) + reserveBytes;
      const removable = await this.#removable();
      const possible = (await this.#free()) + (await this.#bytesOf(removable, contents));
      for (let free = await this.#free(); free < needed; free = await this.#free()) {
        const oldest = possible < needed ? undefined : removable.shift();
        if (!oldest)
          throw new StoreError(
            'update-no-space',
            `${folder}: ${free} bytes free, but the update needs ${needed}. Free some space.`,
          );
        await this.#slots.remove(oldest);
        await this.#objects.removeUnused(contents);
      }
    });
  }

  async #removable(): Promise<Slot[]> {
    const used = await this.#used();
    const slots = (await this.#slots.list()).filter((slot) => !used.includes(textOf(slot)));
    return slots.sort((a, b) => compareVersions(a.version, b.version));
  }

  /** Returns the space that the removal of these slots frees. `kept`: contents that stay. */
  async #bytesOf(removable: readonly Slot[], kept: readonly Content[]): Promise<number> {
    const others = (await this.#slots.list()).filter(({ folder }) =>
      removable.every((slot) => slot.folder !== folder),
    );
    const used = await Promise.all(others.map((slot) => this.#slots.contentsOf(slot)));
    return this.#objects.bytesExcept(new Set([...used.flat(), ...kept.map(({ sha256 }) => sha256)]));
  }

  async #remove(id: BundleId): Promise<void> {
    if ((await this.#used()).includes(textOf(id)))
      throw new StoreError('update-failed', `${textOf(id)}: in use. Activate another bundle first.`);
    await this.#slots.remove(id);
  }

  async #used(): Promise<string[]> {
    const { current, previous } = await this.#pointers.read();
    return [current, previous].flatMap((id) => (id ? [textOf(id)] : []));
  }

  async #free(): Promise<number> {
    const { folder, freeBytes } = this.options;
    if (freeBytes) return freeBytes();
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  }

  /** Returns the folders whose names must be durable. */
  async #makeFolders(): Promise<string[]> {
    const { folder } = this.options;
    const inner = ['objects', SLOTS, 'part'].map((name) => join(folder, name));
    for (const path of [folder, ...inner])
      if (!(await lstat(path).catch(() => null))) await this.#files.makeFolder(path);
    return [dirname(folder), folder, ...inner];
  }

  /**
   * A FAT or exFAT disk has no links. Copies would need the space of each file once for each slot. Without symbolic
   * links, a pointer could not be switched in one step.
   */
  async #checkLinks(): Promise<void> {
    const { folder } = this.options;
    const [first, second] = [join(folder, '.probe-1'), join(folder, '.probe-2')];
    for (const path of [first, second]) await this.#files.remove(path);
    try {
      await this.#files.symlink(SLOTS, first);
      await this.#files.link(first, second);
    } catch (thrown) {
      if (systemCode(thrown) === 'ENOSPC' || systemCode(thrown) === 'EDQUOT') throw thrown;
      throw new StoreError(
        'update-failed',
        `${folder}: this file system has no links (${systemCode(thrown)}). Use a disk with ext4, for example.`,
      );
    }
    await this.#files.remove(first);
    await this.#files.remove(second);
  }
}
