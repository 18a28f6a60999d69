import { userInfo } from 'node:os';
import type { Fault } from '../../../kit/errors.js';
import type { CameraFault } from '../camera.js';
import { findHolders } from './holders.js';
import type { CameraFaultWord } from './protocol.js';
import { resolveDevice } from './stable-paths.js';

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
  failed: { code: 'camera-failed', fix: () => 'If the camera does not recover, disconnect and connect it.' },
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

/**
 * Returns the fix for a device that is in use. It names the processes that use it, as far as this user may see them.
 * `root`: the folder of /dev and /proc.
 */
export const fixOfBusy = async (device: string, root: string): Promise<string> => {
  const file = await resolveDevice(device, root);
  const holders = (await findHolders([file], root)).get(file) ?? [];
  const names = holders.map(({ pid, command }) => `${command} (process ${pid})`).join(', ');
  return names
    ? `It is open in ${names}. End that program.`
    : `End the program that uses the camera. Run \`sudo fuser -v ${file}\` to find it.`;
};
