import { readdir, readFile, readlink, realpath } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { Fault } from '../../../kit/errors.js';
import type { CameraFault } from '../camera.js';
import type { CameraFaultWord } from './protocol.js';

const RECONNECT = 'Disconnect and connect the camera.';

const userName = (): string => {
  try {
    return userInfo().username;
  } catch {
    return 'USER';
  }
};

const MEANINGS: Record<
  CameraFaultWord,
  { readonly code: CameraFault; readonly fix: (device: string) => string }
> = {
  missing: {
    code: 'camera-missing',
    fix: () => 'Connect the camera, and list the cameras with `sortbin doctor`.',
  },
  denied: {
    code: 'camera-denied',
    fix: () => `Run \`sudo usermod -aG video ${userName()}\`, then log in again and restart sortbin.`,
  },
  busy: { code: 'camera-busy', fix: () => '' },
  unsupported: {
    code: 'camera-unsupported',
    fix: (device) => `Run \`v4l2-ctl -d ${device} --list-formats-ext\` to list what this camera offers.`,
  },
  frozen: { code: 'camera-frozen', fix: () => RECONNECT },
  failed: { code: 'camera-failed', fix: () => RECONNECT },
};

/** Returns the fault for a `fault` line of sortbin-camera. The fix of `camera-busy` comes from `fixOfBusy`. */
export const faultOf = (
  { word, text }: { readonly word: CameraFaultWord; readonly text: string },
  device: string,
  isReady: boolean,
): Fault<CameraFault> => {
  const { code, fix } = MEANINGS[word];
  const message = `${text || `${device}: ${word}`}. ${fix(device)}`.trim();
  return { code: code === 'camera-frozen' && !isReady ? 'camera-no-frame' : code, message };
};

/** The fault of a process that does not answer. The kernel may block it when a camera is unplugged. */
export const hungFault = (device: string): Fault<CameraFault> => ({
  code: 'camera-frozen',
  message: `${device}: sortbin-camera did not answer. ${RECONNECT}`,
});

const MAX_HOLDERS = 3;

/** Returns the fix for a device that is in use. It names the programs that use it, as far as this user may see them. */
export const fixOfBusy = async (device: string, procFolder = '/proc'): Promise<string> => {
  const file = await realpath(device).catch(() => device);
  const holders: string[] = [];
  for (const pid of await list(procFolder)) {
    if (
      holders.length < MAX_HOLDERS &&
      /^\d+$/.test(pid) &&
      (await isHolder(join(procFolder, pid, 'fd'), file))
    ) {
      const command = await readFile(join(procFolder, pid, 'comm'), 'utf8').catch(() => '');
      holders.push(`${pid} (${command.trim() || 'unknown command'})`);
    }
  }
  return holders.length > 0
    ? `End the process ${holders.join(' and ')}, which uses the camera.`
    : `End the program that uses the camera. Run \`sudo fuser -v ${file}\` to find it.`;
};

const isHolder = async (fdFolder: string, file: string): Promise<boolean> => {
  for (const fd of await list(fdFolder))
    if ((await readlink(join(fdFolder, fd)).catch(() => '')) === file) return true;
  return false;
};

/** Returns the names in a folder, or none if it is unreadable. */
const list = (folder: string): Promise<string[]> => readdir(folder).catch(() => []);
