import { lstat, readdir } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import type { FileSystem } from '../../kit/file-system.js';
import { type BundleId, isBundleName, isBundleVersion, MANIFEST_FILE, textOf } from '../bundle-id.js';
import { StoreError } from './faults.js';
import { type Content, isContent, type Objects } from './objects.js';
import { pathsIn, removeTree } from './tree.js';

/** A bundle on this disk, complete. */
export interface Slot extends BundleId {
  /** null: manifest.json is missing or damaged. */
  readonly manifestSha256: string | null;
  readonly folder: string;
  /** Size of its files. Other slots may share them. */
  readonly bytes: number;
  readonly installedAtMs: number;
}

/** A file of a bundle. `file`: its path in the bundle, such as `golden/inputs.json`. */
export interface SlotFile extends Content {
  readonly file: string;
}

/** Names of folders that are not complete any more, or not yet. */
const NEW = '.new-';
const OLD = '.old-';

/** Returns the id in the name of a slot's folder, or null. */
export const slotIdOf = (folderName: string): BundleId | null => {
  const [name = '', version = '', ...rest] = folderName.split('@');
  return rest.length === 0 && isBundleName(name) && isBundleVersion(version) ? { name, version } : null;
};

/** Folders with hard links to objects, one for each bundle. A rename makes a slot complete or absent. */
export class Slots {
  constructor(
    private readonly folder: string,
    private readonly objects: Objects,
    private readonly files: FileSystem,
  ) {}

  folderOf(id: BundleId): string {
    return join(this.folder, textOf(id));
  }

  async has(id: BundleId): Promise<boolean> {
    return (await lstat(this.folderOf(id)).catch(() => null))?.isDirectory() ?? false;
  }

  async list(): Promise<Slot[]> {
    const slots: Slot[] = [];
    const objects = await this.objects.byInode();
    for (const entry of await readdir(this.folder, { withFileTypes: true })) {
      const id = slotIdOf(entry.name);
      if (!id || !entry.isDirectory()) continue;
      const folder = this.folderOf(id);
      const infos = await Promise.all((await pathsIn(folder)).files.map((path) => lstat(path)));
      const bytes = infos.reduce((sum, { size }) => sum + size, 0);
      const manifest = await lstat(join(folder, MANIFEST_FILE)).catch(() => null);
      const manifestSha256 = (manifest && objects.get(manifest.ino)) ?? null;
      slots.push({ ...id, manifestSha256, folder, bytes, installedAtMs: (await lstat(folder)).mtimeMs });
    }
    return slots;
  }

  /** Builds the slot beside its place, from objects that are stored, and gives it its name. */
  async build(id: BundleId, contents: readonly SlotFile[]): Promise<void> {
    const temporary = join(this.folder, `${NEW}${textOf(id)}`);
    await this.#removeTree(temporary);
    const folders = foldersOf(contents).map((folder) => join(temporary, folder));
    for (const folder of folders) await this.files.makeFolder(folder);
    for (const { file, sha256 } of contents)
      await this.files.link(this.objects.pathOf(sha256), join(temporary, file));
    for (const folder of folders) await this.files.sync(folder);
    await this.files.rename(temporary, this.folderOf(id));
    await this.files.sync(this.folder);
  }

  /** Returns whether a slot consists of links to the objects of these files, and of nothing else. */
  async consistsOf(id: BundleId, contents: readonly SlotFile[]): Promise<boolean> {
    const expected = new Map(contents.map(({ file, sha256 }) => [file, sha256]));
    const found = await this.#digestsOf(id);
    return (
      found.size === expected.size && [...found].every(([file, sha256]) => expected.get(file) === sha256)
    );
  }

  /** Reads all files of a slot. @throws StoreError if one differs from the sha256 of its object */
  async verify(id: BundleId): Promise<void> {
    for (const [file, sha256] of await this.#digestsOf(id)) {
      const path = join(this.folderOf(id), file);
      const { size: bytes } = await lstat(path);
      if (sha256 !== null && (await isContent(path, { sha256, bytes }))) continue;
      throw new StoreError('update-file-invalid', `${path}: damaged. Install ${textOf(id)} again.`);
    }
  }

  /** Returns the sha256 of the objects of a slot. */
  async contentsOf(id: BundleId): Promise<string[]> {
    return [...(await this.#digestsOf(id)).values()].filter((sha256) => sha256 !== null);
  }

  async remove(id: BundleId): Promise<void> {
    const leaving = join(this.folder, `${OLD}${textOf(id)}`);
    await this.#removeTree(leaving);
    await this.files.rename(this.folderOf(id), leaving);
    await this.files.sync(this.folder);
    await this.#removeTree(leaving);
  }

  /** Removes what a kill has left. Entries of other names are not touched. */
  async removeLeftovers(): Promise<void> {
    for (const name of await readdir(this.folder))
      if (name.startsWith(NEW) || name.startsWith(OLD)) await this.#removeTree(join(this.folder, name));
  }

  /** Returns the sha256 of each file; null: the file is not an object, or not any more. */
  async #digestsOf(id: BundleId): Promise<Map<string, string | null>> {
    const objects = await this.objects.byInode();
    const digests = new Map<string, string | null>();
    for (const path of (await pathsIn(this.folderOf(id))).files)
      digests.set(relative(this.folderOf(id), path), objects.get((await lstat(path)).ino) ?? null);
    return digests;
  }

  #removeTree(folder: string): Promise<void> {
    return removeTree(this.files, folder);
  }
}

/** Returns the folders of these files, `.` included, each before the folders in it. */
const foldersOf = (contents: readonly SlotFile[]): string[] => {
  const folders = new Set(['.']);
  for (const { file } of contents)
    for (let folder = dirname(file); folder !== '.'; folder = dirname(folder)) folders.add(folder);
  return [...folders].sort((a, b) => a.split('/').length - b.split('/').length || (a === '.' ? -1 : 1));
};
