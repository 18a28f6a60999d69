import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import koffi from 'koffi';

const libc = koffi.load('libc.so.6');
const callMount = libc.func(
  'int mount(const char *device, const char *folder, const char *type, unsigned long flags, const char *options)',
);
const callUnmount = libc.func('int umount2(const char *folder, int flags)');
const MNT_DETACH = 2;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
const COLLECTIONS = 5;

/** Mounts an ext4 disk. In the guest, the program mount needs ten times as long. @throws if the disk is damaged */
export const mountExt4 = (device: string, folder: string, options: string): void => {
  if (callMount(device, folder, 'ext4', 0, options) !== 0)
    throw new Error(`mount ${device}: error ${koffi.errno()} of the kernel. Is the disk damaged?`);
};

/** @throws if a file is still open */
export const unmount = async (folder: string): Promise<void> => {
  for (let left = COLLECTIONS; callUnmount(folder, 0) !== 0; left -= 1) {
    if (left === 0 || koffi.errno() !== koffi.os.errno.EBUSY)
      throw new Error(`umount ${folder}: error ${koffi.errno()} of the kernel`);
    // SQLite has the files of a closed database open until its statements are collected.
    collectGarbage();
    await setImmediate();
  }
};

/** Removes the folder's disk from view, also if files are open. */
export const detach = (folder: string): void => {
  callUnmount(folder, MNT_DETACH);
};
