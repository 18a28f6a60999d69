import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, fstatSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { until } from './until.js';

/** Returns why this machine cannot mount a disk for a test without root, or false. */
export const noSmallDisk = (): string | false => {
  const { status } = spawnSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', 'tmpfs', '/tmp']);
  return status === 0 ? false : 'unshare cannot mount a disk in a user namespace';
};

/** A disk of a few megabytes, which only programs in its namespace see at `path`. */
export interface SmallDisk {
  /** The command that starts a program with this disk. */
  readonly prefix: readonly string[];
  /** Returns the path of a file on the disk, for this process. */
  file(...names: string[]): string;
  makeReadOnly(): void;
  close(): Promise<void>;
}

/** Mounts a disk at the folder `path`, which exists. `size`: as for tmpfs, such as `4m`. */
export const mountSmallDisk = async (path: string, size: string): Promise<SmallDisk> => {
  const script = 'mount -t tmpfs -o size="$1" tmpfs "$2" && touch "$2/mounted" && exec sleep 600';
  const holder = spawn('unshare', ['-rm', 'sh', '-c', script, 'sh', size, path], { stdio: 'ignore' });
  const ended = once(holder, 'close');
  const root = `/proc/${holder.pid}/root`;
  await until(
    () => 'the disk is mounted',
    () => existsSync(join(root, path, 'mounted')),
  );
  const prefix = [
    'nsenter',
    '-t',
    `${holder.pid}`,
    '-U',
    '-m',
    `--wd=${join(path, '..')}`,
    '--preserve-credentials',
  ];
  return {
    prefix,
    file: (...names) => join(root, path, ...names),
    makeReadOnly: () => {
      const [command = '', ...rest] = [...prefix, 'mount', '-o', 'remount,ro', path];
      spawnSync(command, rest);
    },
    close: async () => {
      holder.kill('SIGKILL');
      await ended;
    },
  };
};

/** Writes a file until the disk is full, or has only so many bytes left. */
export const fillDisk = (path: string, leftBytes = 0): void => {
  const handle = openSync(path, 'w');
  try {
    for (let bytes = 65_536; bytes >= 512; ) {
      try {
        if (writeSync(handle, new Uint8Array(bytes)) === 0) bytes /= 2;
      } catch {
        bytes /= 2;
      }
    }
    ftruncateSync(handle, fstatSync(handle).size - leftBytes);
  } finally {
    closeSync(handle);
  }
};
