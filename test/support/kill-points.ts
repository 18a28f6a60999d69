import {
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { type FileSystem, systemFiles } from '../../device/kit/file-system.js';

/** Thrown at the kill point, and by each later step: a killed program changes nothing any more. */
export class Killed extends Error {
  override readonly name = 'Killed';
}

/**
 * A fault-injecting file layer. It ends a program before one of its changes of the disk:
 *
 * 1. Give a `KillPoints(n)` to the program as its `FileSystem`. Wrap its other durable steps, such as a row in a
 *    database, in `step`.
 * 2. Run the program. The step after `n` steps throws `Killed`, and so does each step after it.
 * 3. After a kill, everything that was done stays. After a power cut, call `cutPower`: it takes back each name that was
 *    made, changed or removed, but whose folder was not synced since.
 * 4. Open the program again on the same folder, and check what must be true. Repeat for each `n` until `isDead` is
 *    false: then the program ended before the kill. `forEachKillPoint` does this.
 *
 * The layer takes back names and permissions. It trusts the program that it syncs the content of the files.
 */
export class KillPoints implements FileSystem {
  isDead = false;
  #steps = 0;
  /** Changes whose folder was not synced since, in their order. */
  #changes: Change[] = [];

  constructor(private readonly killAfter = Number.POSITIVE_INFINITY) {}

  /** Performs one durable step. @throws Killed at the kill point */
  async step<T>(work: () => Promise<T>): Promise<T> {
    if (this.isDead || this.#steps >= this.killAfter) {
      this.isDead = true;
      throw new Killed(`killed after ${this.#steps} steps`);
    }
    this.#steps += 1;
    return work();
  }

  makeFolder(folder: string): Promise<void> {
    return this.#change(folder, () => systemFiles.makeFolder(folder));
  }

  link(file: string, path: string): Promise<void> {
    return this.#change(path, () => systemFiles.link(file, path));
  }

  symlink(target: string, path: string): Promise<void> {
    return this.#change(path, () => systemFiles.symlink(target, path));
  }

  rename(from: string, to: string): Promise<void> {
    const restore = restorerOf(to);
    const takeBack = () => {
      renameSync(to, from);
      this.#move(to, from);
      restore(to);
    };
    return this.#change(
      to,
      async () => {
        await systemFiles.rename(from, to);
        this.#move(from, to);
      },
      takeBack,
    );
  }

  remove(path: string): Promise<void> {
    return this.#change(path, () => systemFiles.remove(path));
  }

  removeFolder(folder: string): Promise<void> {
    return this.#change(folder, () => systemFiles.removeFolder(folder), mkdirSync);
  }

  setMode(path: string, mode: number): Promise<void> {
    return this.step(() => systemFiles.setMode(path, mode));
  }

  /** Does not wait for the disk, because it is not really lost. */
  sync(path: string): Promise<void> {
    return this.step(async () => {
      statSync(path);
      this.#changes = this.#changes.filter((change) => dirname(change.path) !== join(path));
    });
  }

  /** Takes back the changes that are not durable, the last one first. */
  cutPower(): void {
    for (let last = this.#changes.pop(); last; last = this.#changes.pop()) last.takeBack(last.path);
  }

  #change(path: string, work: () => Promise<void>, takeBack = restorerOf(path)): Promise<void> {
    return this.step(async () => {
      await work();
      this.#changes.push({ path, takeBack });
    });
  }

  /** A change inside a folder moves with it. */
  #move(from: string, to: string): void {
    for (const change of this.#changes)
      if (change.path.startsWith(`${from}/`)) change.path = `${to}${change.path.slice(from.length)}`;
  }
}

interface Change {
  /** Where the name is now. */
  path: string;
  readonly takeBack: (path: string) => void;
}

/** Returns a function that makes a path what it is now: absent, a link or a file. */
const restorerOf = (path: string): ((path: string) => void) => {
  const info = lstatSync(path, { throwIfNoEntry: false });
  const remove = (where: string) => rmSync(where, { recursive: true, force: true });
  if (!info || info.isDirectory()) return remove;
  const target = info.isSymbolicLink() ? readlinkSync(path) : null;
  const content = target === null ? readFileSync(path) : '';
  return (where) => {
    remove(where);
    if (target === null) writeFileSync(where, content, { mode: info.mode });
    else symlinkSync(target, where);
  };
};

/** How a program ends: by a signal, or together with the machine. */
export type Ending = 'kill' | 'power cut';

/**
 * Runs `program` with a kill after 0, 1, 2 and more steps, each time followed by `check`, until it runs to its end.
 * @returns the number of kill points
 */
export const forEachKillPoint = async (
  ending: Ending,
  program: (kills: KillPoints, killAfter: number) => Promise<void>,
  check: (killAfter: number) => Promise<void>,
): Promise<number> => {
  for (let killAfter = 0; ; killAfter += 1) {
    const kills = new KillPoints(killAfter);
    await program(kills, killAfter);
    if (ending === 'power cut') kills.cutPower();
    await check(killAfter);
    if (!kills.isDead) return killAfter;
  }
};
