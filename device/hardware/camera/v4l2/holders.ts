import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Holder } from '../camera-list.js';

/**
 * Returns the processes that have one of the devices open, by the path of the device. Other users' processes are visible
 * to root only. `root`: the folder of /proc.
 */
export const findHolders = async (
  devices: readonly string[],
  root = '/',
): Promise<ReadonlyMap<string, readonly Holder[]>> => {
  const holders = new Map<string, Holder[]>();
  if (devices.length === 0) return holders;
  const processes = await readdir(join(root, 'proc')).catch(() => []);
  for (const pid of processes.filter((name) => /^\d+$/.test(name))) {
    const folder = join(root, 'proc', pid);
    const files = await readdir(join(folder, 'fd')).catch(() => []);
    const targets = await Promise.all(files.map((fd) => readlink(join(folder, 'fd', fd)).catch(() => '')));
    const held = devices.filter((device) => targets.includes(device));
    if (held.length === 0) continue;
    const command = (await readFile(join(folder, 'comm'), 'utf8').catch(() => '')).trim() || 'unknown';
    for (const device of held)
      holders.set(device, [...(holders.get(device) ?? []), { pid: Number(pid), command }]);
  }
  return holders;
};
