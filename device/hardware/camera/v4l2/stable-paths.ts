import { readdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';

/** udev creates a link for each USB camera. Its name contains the maker, the model and the serial number. */
const FOLDER = '/dev/v4l/by-id';

/** Returns the paths in /dev/v4l/by-id, by the path of the device. `root`: the folder of /dev. */
export const findStablePaths = async (root: string): Promise<ReadonlyMap<string, string>> => {
  const paths = new Map<string, string>();
  for (const name of (await readdir(join(root, FOLDER)).catch(() => [])).sort())
    paths.set(await resolveDevice(join(FOLDER, name), root), join(FOLDER, name));
  return paths;
};

/** Returns the path of a device that is given by its path or its index, as sortbin-camera does. */
export const devicePath = (device: string): string => (/^\d+$/.test(device) ? `/dev/video${device}` : device);

/**
 * Returns the path of a device without links, or its own path if there is no such file. `device`: a path or an index.
 * `root`: the folder of /dev.
 */
export const resolveDevice = async (device: string, root: string): Promise<string> => {
  const path = devicePath(device);
  const target = await realpath(join(root, path)).catch(() => null);
  return target === null ? path : target.slice(root === '/' ? 0 : root.length);
};
