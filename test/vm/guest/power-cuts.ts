import { execFile, execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
import { messageOf } from '../../../device/kit/errors.js';
import { chooseCuts, cutsOf } from './cuts.js';
import { DiskImage } from './disk-image.js';
import { detach, mountExt4, unmount } from './mount.js';
import { digestOf } from './tree-digest.js';
import { type LogEntry, readWriteLog } from './write-log.js';

/** A disk whose writes are recorded. */
export interface RecordedDisk {
  readonly folder: string;
  /** Notes what was just reported as done, or what is about to begin. A name has no spaces, and 400 bytes at most. */
  mark(name: string): Promise<void>;
}

/** A disk as a power cut has left it. */
export interface CutDisk {
  /** Where it is mounted. The file system has repaired itself, as at a start of the machine. */
  readonly folder: string;
  /** The marks before the cut, in their order. */
  readonly marks: readonly string[];
}

/** ext4 as it is by default, and without its help for programs that forget to sync: it also commits every 5 s. */
export type Mode = 'default' | 'strict';
export const MODES: readonly Mode[] = ['default', 'strict'];

const OPTIONS: Readonly<Record<Mode, string>> = {
  default: 'errors=remount-ro',
  strict: 'errors=remount-ro,data=writeback,noauto_da_alloc,commit=300',
};

const MIB = 1024 * 1024;
const DISK_MIB = 24;
const LOG_MIB = 160;
const NAME = 'sortbin-recorded';
/** The check of the file system takes long in the guest, so that it follows only some cuts. */
const CUTS_PER_FSCK = 10;

/** Without udev, libdevmapper makes the device files itself. */
const options = { encoding: 'utf8', env: { ...process.env, DM_DISABLE_UDEV: '1' } } as const;
const run = (program: string, ...rest: string[]): string =>
  execFileSync(program, rest, { ...options, stdio: ['ignore', 'pipe', 'pipe'] }).trim();
const runAsync = promisify(execFile);

/**
 * Runs `work` on a new ext4 disk, and records in which order writes and flushes reach it. Afterwards, `forEachCut` cuts
 * the power at moments of the recording: the disk then has what was flushed, and any part of the later writes.
 */
export const recordWrites = async (
  t: TestContext,
  mode: Mode,
  work: (disk: RecordedDisk) => Promise<void>,
): Promise<Recording> => {
  const place = mkdtempSync(join(tmpdir(), 'power-cuts-'));
  t.after(() => rmSync(place, { recursive: true }));
  const inPlace = (name: string) => join(place, name);
  const [image, disk, log, folder] = [inPlace('image'), inPlace('disk'), inPlace('log'), inPlace('folder')];
  run('modprobe', '--all', 'loop', 'dm-log-writes', 'ext4');
  mkdirSync(folder);
  makeFile(image, DISK_MIB);
  makeFile(log, LOG_MIB);
  run('mkfs.ext4', '-q', '-b', '4096', '-E', 'lazy_itable_init=0,lazy_journal_init=0', image);
  copyFileSync(image, disk);
  await withLoopDevice(log, (logDevice) =>
    withLoopDevice(disk, async (device) => {
      const sectors = (DISK_MIB * MIB) / 512;
      run('dmsetup', 'create', NAME, '--table', `0 ${sectors} log-writes ${device} ${logDevice}`);
      try {
        await withMounted(`/dev/mapper/${NAME}`, folder, mode, () =>
          work({
            folder,
            mark: async (name) => {
              await runAsync('dmsetup', ['message', NAME, '0', 'mark', name], options);
            },
          }),
        );
      } finally {
        run('dmsetup', 'remove', NAME);
      }
    }),
  );
  const entries = readWriteLog(log);
  rmSync(log);
  return new Recording(entries, mode, { image, disk, folder });
};

/** All writes of a program to a disk. */
export class Recording {
  constructor(
    private readonly entries: readonly LogEntry[],
    private readonly mode: Mode,
    private readonly paths: { readonly image: string; readonly disk: string; readonly folder: string },
  ) {}

  /**
   * Cuts the power at each mark, and `count` times at moments that the seed chooses. `check` may change the disk, because
   * each cut has its own copy. It is called once for each different result: other files, or other marks. Returns the
   * figures in words.
   */
  async forEachCut(
    { count, seed }: { readonly count: number; readonly seed: number },
    check: (disk: CutDisk) => Promise<void>,
  ): Promise<string> {
    const { image, disk, folder } = this.paths;
    const possible = cutsOf(this.entries, seed);
    const cuts = chooseCuts(possible, count, seed);
    const content = new DiskImage(image, disk);
    const checked = new Set<string>();
    await withLoopDevice(disk, async (device) => {
      for (const [index, { end, marks, unflushed, written }] of cuts.entries()) {
        content.advanceTo(end, this.entries);
        content.writeCopy(written);
        try {
          await withMounted(device, folder, this.mode, async () => {
            const state = `${digestOf(folder)} ${marks}`;
            if (!checked.has(state)) await check({ folder, marks });
            checked.add(state);
          });
          if (index % CUTS_PER_FSCK === 0) run('e2fsck', '-f', '-n', disk);
        } catch (cause) {
          const part = `${written.length} blocks of ${unflushed.length} unflushed writes`;
          const moment = `entry ${end} of ${this.entries.length}, after mark ${marks.at(-1)}`;
          throw new Error(`a power cut at ${moment}, with ${part}: ${messageOf(cause)}`, { cause });
        }
      }
    });
    content.close();
    const partial = cuts.filter(({ written }) => written.length > 0).length;
    return `${cuts.length} of ${possible.length} cuts, ${partial} with a part of the unflushed writes: ${checked.size} different results`;
  }
}

const makeFile = (path: string, mib: number): void => {
  writeFileSync(path, '');
  truncateSync(path, mib * MIB);
};

const withLoopDevice = async (file: string, work: (device: string) => Promise<void>): Promise<void> => {
  const device = run('losetup', '--find', '--show', file);
  try {
    await work(device);
  } finally {
    run('losetup', '--detach', device);
  }
};

const withMounted = async (
  device: string,
  folder: string,
  mode: Mode,
  work: () => Promise<void>,
): Promise<void> => {
  mountExt4(device, folder, OPTIONS[mode]);
  try {
    await work();
  } catch (thrown) {
    detach(folder);
    throw thrown;
  }
  await unmount(folder);
};
