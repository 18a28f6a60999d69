import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileSystem } from '../../kit/file-system.js';
import { StoreError } from './faults.js';

/** The content of a file. */
export interface Content {
  readonly sha256: string;
  readonly bytes: number;
}

const READ_ONLY = 0o444;
const SHA256_LENGTH = 64;
const SHA256 = /^[0-9a-f]{64}$/;

/** Files by their sha256, each stored once. Slots have hard links to them. Downloads in progress are in `parts`. */
export class Objects {
  constructor(
    private readonly folder: string,
    private readonly parts: string,
    private readonly files: FileSystem,
  ) {}

  pathOf(sha256: string): string {
    return join(this.folder, sha256);
  }

  partOf(sha256: string): string {
    return join(this.parts, sha256);
  }

  /** Makes the part file an object. @throws StoreError if it differs from its sha256 or length */
  async add({ sha256, bytes }: Content): Promise<void> {
    const part = this.partOf(sha256);
    if (!(await isContent(part, { sha256, bytes }))) {
      await this.files.remove(part);
      throw new StoreError(
        'update-file-invalid',
        `${part}: not ${bytes} bytes with this sha256. Download it again.`,
      );
    }
    const path = this.pathOf(sha256);
    await this.files.rename(part, path);
    await this.files.sync(this.folder);
    // Read-only once it is an object: a part file that a kill leaves must stay writable, to continue its download.
    await this.files.setMode(path, READ_ONLY);
    await this.files.sync(path);
  }

  /**
   * Returns the contents that are not stored, each once. Reads the stored ones, so that a damaged object is not used
   * again: it is removed and returned.
   */
  async missing<T extends Content>(contents: readonly T[]): Promise<T[]> {
    const missing: T[] = [];
    for (const content of uniqueOf(contents)) {
      const path = this.pathOf(content.sha256);
      if (await isContent(path, content)) await this.files.setMode(path, READ_ONLY);
      else {
        await this.files.remove(path);
        missing.push(content);
      }
    }
    return missing;
  }

  /** Returns the number of bytes that the part files of these contents have. */
  async partBytes(contents: readonly Content[]): Promise<number> {
    const sizes = await Promise.all(contents.map(({ sha256 }) => sizeOf(this.partOf(sha256))));
    return sizes.reduce((sum, size) => sum + size, 0);
  }

  /** Returns the size of all objects, except those with a sha256 in `except`. */
  async bytesExcept(except: ReadonlySet<string>): Promise<number> {
    const names = (await namesIn(this.folder)).filter((name) => !except.has(name));
    const sizes = await Promise.all(names.map((name) => sizeOf(this.pathOf(name))));
    return sizes.reduce((sum, size) => sum + size, 0);
  }

  /** Returns the sha256 of each object by the number of its inode, which its links in slots share. */
  async byInode(): Promise<ReadonlyMap<number, string>> {
    const names = await namesIn(this.folder);
    const inodes = await Promise.all(names.map(async (name) => (await lstat(this.pathOf(name))).ino));
    return new Map(names.map((name, index) => [inodes[index] ?? Number.NaN, name]));
  }

  /** Removes the objects that no slot links to, and all part files, except the contents in `keep`. */
  async removeUnused(keep: readonly Content[] = []): Promise<void> {
    const kept = new Set(keep.map(({ sha256 }) => sha256));
    for (const name of await namesIn(this.folder)) {
      const { nlink } = await lstat(this.pathOf(name));
      if (nlink === 1 && !kept.has(name)) await this.files.remove(this.pathOf(name));
    }
    for (const entry of await readdir(this.parts, { withFileTypes: true }))
      if (entry.isFile() && !kept.has(entry.name.slice(0, SHA256_LENGTH)))
        await this.files.remove(join(this.parts, entry.name));
  }
}

/** Returns whether `path` is a regular file with this content. A file that the disk cannot read is damaged too. */
export const isContent = async (path: string, { sha256, bytes }: Content): Promise<boolean> => {
  const info = await lstat(path).catch(() => null);
  if (!info?.isFile() || info.size !== bytes) return false;
  try {
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(path)) hash.update(chunk);
    return hash.digest('hex') === sha256;
  } catch {
    return false;
  }
};

const uniqueOf = <T extends Content>(contents: readonly T[]): T[] => [
  ...new Map(contents.map((content) => [content.sha256, content])).values(),
];

const sizeOf = async (path: string): Promise<number> => (await lstat(path).catch(() => null))?.size ?? 0;

const namesIn = async (folder: string): Promise<string[]> => {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries.filter((entry) => entry.isFile() && SHA256.test(entry.name)).map(({ name }) => name);
};
