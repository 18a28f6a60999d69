import { lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { makeFolder, syncPath, writeDurably } from '../../kit/durable-file.js';
import { sha256Of } from '../../perception/inference/bundle/files.js';
import { localError } from './errors.js';

/** Texts of metadata by role. Names are encoded as in a URL, because a delegated role may contain `/`. */
export type MetadataSet = Readonly<Record<string, string>>;

/** What the last successful refresh returned. */
export interface Snapshot {
  readonly metadata: MetadataSet;
  /** Contents of the targets of the role `rollouts`, by path. */
  readonly rollouts: Readonly<Record<string, string>>;
}

const texts = z.record(z.string(), z.string());
const trustedSchema = z.object({
  schema: z.literal(1),
  /** sha256 of the chosen root from which the metadata follows. With another one, the metadata is ignored. */
  root: z.string(),
  metadata: texts,
});
const snapshotSchema = trustedSchema.extend({ rollouts: texts });

/**
 * The metadata of a repository in a folder. Each file is complete or absent. Except for the root, one that is damaged, or
 * that belongs to another root, counts as absent.
 *
 * - `root.json`: the root that the owner chose. A refresh never changes it.
 * - `trusted.json`: the newest metadata of each role that was verified, also by a refresh that failed later.
 * - `catalogue.json`: the metadata of the last successful refresh. All roles fit together.
 * - `staging/`: the working copy of a refresh.
 */
export class MetadataStore {
  constructor(private readonly folder: string) {}

  get staging(): string {
    return join(this.folder, 'staging');
  }

  /** Returns the root that the owner chose, or null. */
  root(): string | null {
    const path = join(this.folder, 'root.json');
    try {
      return readFileSync(path, 'utf8');
    } catch (thrown) {
      const { code } = thrown as NodeJS.ErrnoException;
      if (code === 'ENOENT') return null;
      // A folder counts as a damaged root: an owner can replace it.
      if (code === 'EISDIR') return '';
      throw localError(path, thrown);
    }
  }

  trusted(): MetadataSet | null {
    return this.#readJson('trusted.json', trustedSchema)?.metadata ?? null;
  }

  snapshot(): Snapshot | null {
    return this.#readJson('catalogue.json', snapshotSchema);
  }

  /** Stores another root. Removes the metadata first: it belongs to the earlier root. */
  saveRoot(text: string): void {
    this.#change(() => {
      for (const name of ['trusted.json', 'catalogue.json'])
        rmSync(join(this.folder, name), { recursive: true, force: true });
      syncPath(this.folder);
      this.#replace('root.json', text);
    });
  }

  /** Stores metadata that follows from the chosen root `root`, also if another one was chosen meanwhile. */
  saveTrusted(root: string, metadata: MetadataSet): void {
    this.#writeJson('trusted.json', { schema: 1, root: hashOf(root), metadata });
  }

  saveSnapshot(root: string, snapshot: Snapshot): void {
    this.#writeJson('catalogue.json', { schema: 1, root: hashOf(root), ...snapshot });
  }

  /** Makes the working copy of a refresh, and removes one that was interrupted. */
  stage(metadata: MetadataSet): void {
    this.#change(() => {
      rmSync(this.staging, { recursive: true, force: true });
      mkdirSync(this.staging, { mode: 0o700 });
      for (const [role, text] of Object.entries(metadata)) writeFileSync(this.#staged(role), text);
    });
  }

  /** Returns the content of the working copy, and removes it. */
  unstage(): MetadataSet {
    return this.#change(() => {
      const roles = readdirSync(this.staging).map((name) => name.replace(/\.json$/, ''));
      const metadata = Object.fromEntries(
        roles.map((role) => [role, readFileSync(this.#staged(role), 'utf8')]),
      );
      rmSync(this.staging, { recursive: true });
      return metadata;
    });
  }

  #staged(role: string): string {
    return join(this.staging, `${role}.json`);
  }

  /** Skips the write if the file has this content already: a refresh is frequent, and a flash card wears out. */
  #writeJson(name: string, value: unknown): void {
    const text = `${JSON.stringify(value)}\n`;
    if (this.#readOrNull(name) === text) return;
    this.#change(() => this.#replace(name, text));
  }

  /** Writes a file, also in place of a folder of this name. */
  #replace(name: string, text: string): void {
    const path = join(this.folder, name);
    if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory()) rmSync(path, { recursive: true });
    writeDurably(path, text);
  }

  #readJson<T extends { readonly root: string }>(name: string, schema: z.ZodType<T>): T | null {
    const [chosen, text] = [this.root(), this.#readOrNull(name)];
    if (chosen === null || text === null) return null;
    try {
      const value = schema.parse(JSON.parse(text));
      return value.root === hashOf(chosen) ? value : null;
    } catch {
      return null;
    }
  }

  /** Returns null also for a file that cannot be read: a refresh writes it again. */
  #readOrNull(name: string): string | null {
    try {
      return readFileSync(join(this.folder, name), 'utf8');
    } catch {
      return null;
    }
  }

  #change<T>(work: () => T): T {
    try {
      makeFolder(this.folder, 0o700);
      return work();
    } catch (thrown) {
      throw localError(this.folder, thrown);
    }
  }
}

const hashOf = (root: string): string => sha256Of(Buffer.from(root));
