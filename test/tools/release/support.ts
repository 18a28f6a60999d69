import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import type { FileContent } from '../../../device/kit/durable-file.js';
import { type Disk, systemDisk } from '../../../device/tools/release/folder/disk.js';
import type { Signing } from '../../../device/tools/release/folder/publish.js';
import { readState, type State } from '../../../device/tools/release/folder/state.js';
import { planInit } from '../../../device/tools/release/init.js';
import { KeyRing } from '../../../device/tools/release/keys/key-ring.js';
import type { Plan, Report } from '../../../device/tools/release/release.js';
import { type Verification, verifyRepository } from '../../../device/tools/release/verify.js';

export const DAY_MS = 86_400_000;

export const temporaryFolder = (t: Pick<TestContext, 'after'>): string => {
  const folder = mkdtempSync(join(tmpdir(), 'sortbin-release-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

/** Returns the content of each file below a folder, by its path. */
export const contentsOf = (folder: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((path) => statSync(join(folder, path)).isFile())
      .sort()
      .map((path) => [path, readFileSync(join(folder, path), 'latin1')]),
  );

/** A repository with its keys, which are not encrypted. */
export class Repository {
  readonly folder: string;
  readonly keys: string;
  readonly root: string;
  disk: Disk = systemDisk;

  constructor(
    readonly base: string,
    /** tuf-js compares expiries with the real time. */
    public nowMs = Date.now(),
  ) {
    this.folder = join(base, 'repository');
    this.keys = join(base, 'keys');
    this.root = join(this.folder, 'metadata', '1.root.json');
  }

  static async make(t: Pick<TestContext, 'after'>, nowMs?: number): Promise<Repository> {
    const repository = new Repository(temporaryFolder(t), nowMs);
    await repository.init();
    return repository;
  }

  async init(): Promise<Report> {
    const { folder, keys, disk, nowMs } = this;
    return applied(planInit({ repository: folder, keys, passphrase: async () => null, disk, nowMs }));
  }

  get state(): State {
    return readState(this.folder);
  }

  /** Moves key files to another folder, as their owners do. */
  moveKeys(to: string, names: RegExp): void {
    mkdirSync(to, { recursive: true });
    for (const name of readdirSync(this.keys).filter((one) => names.test(one)))
      renameSync(join(this.keys, name), join(to, name));
  }

  /** `folders`: where the keys are. */
  signing(...folders: readonly string[]): Signing {
    const ring = new KeyRing(folders.length > 0 ? folders : [this.keys], this.state.firstRoot, {
      ...{ known: [], ask: null },
    });
    return { ring, disk: this.disk, nowMs: this.nowMs, isClockTrusted: true };
  }

  verify(root = this.root): Promise<Verification> {
    return verifyRepository({ source: this.folder, root, nowMs: Date.now() });
  }
}

/** Applies a plan, which must have something to do. */
export const applied = async (plan: Plan | Promise<Plan>): Promise<Report> => {
  const { apply } = await plan;
  if (!apply) throw new Error('the plan has nothing to do');
  return apply();
};

/**
 * A disk on which one write fails. After a kill, no other one succeeds, and the file beside the written one has half of
 * the content. A full disk still removes files. Half of a folder that is removed is left.
 */
export class FailingDisk implements Disk {
  #writes = 0;

  constructor(
    private readonly failAt: number,
    private readonly failure: 'kill' | 'full disk' = 'kill',
  ) {}

  makeFolder(path: string, mode?: number): void {
    this.#do(path, () => systemDisk.makeFolder(path, mode));
  }

  write(path: string, content: FileContent, mode?: number): void {
    const writeHalf = () => {
      const whole = typeof content === 'object' && 'chunks' in content ? [...content.chunks()][0] : content;
      const temporary = join(dirname(path), `.${basename(path)}.tmp`);
      writeFileSync(temporary, whole?.slice(0, whole.length / 2) ?? '');
    };
    this.#do(path, () => systemDisk.write(path, content, mode), writeHalf);
  }

  rename(from: string, to: string): void {
    this.#do(to, () => systemDisk.rename(from, to));
  }

  remove(path: string): void {
    if (this.failure === 'full disk' && this.#writes >= this.failAt) {
      systemDisk.remove(path);
      return;
    }
    const removeHalf = () => {
      const [first] = statSync(path, { throwIfNoEntry: false })?.isDirectory() ? readdirSync(path) : [];
      if (first) rmSync(join(path, first), { recursive: true });
    };
    this.#do(path, () => systemDisk.remove(path), removeHalf);
  }

  #do(path: string, work: () => void, doHalf = () => {}): void {
    this.#writes += 1;
    if (this.#writes > this.failAt) throw new Error(`${path}: a write after the failure`);
    if (this.#writes === this.failAt) {
      if (this.failure === 'kill') doHalf();
      throw new Error(`${path}: no space left`);
    }
    work();
  }
}
