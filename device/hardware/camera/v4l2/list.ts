import { type Answer, done, failed } from '../../../kit/errors.js';
import type { CameraControl, CameraFault } from '../camera.js';
import type { CameraList, FoundCamera, OfferedSize, UnusableCamera } from '../camera-list.js';
import { runProgram } from '../run-program.js';
import { findHolders } from './holders.js';
import { parseControl } from './protocol.js';
import { findStablePaths } from './stable-paths.js';

export interface V4l2ListOptions {
  /** Path of sortbin-camera. */
  readonly program: string;
  readonly deadlineMs?: number;
  /** The folder of /dev and /proc. */
  readonly root?: string;
}

/** A camera that does not answer takes a control transfer of 5 s. */
const DEADLINE_MS = 10_000;

/** Lists the V4L2 cameras of this machine, with `sortbin-camera --list`. */
export const listV4l2Cameras = async ({
  program,
  deadlineMs = DEADLINE_MS,
  root = '/',
}: V4l2ListOptions): Promise<Answer<CameraList, CameraFault>> => {
  const answer = await runProgram(program, ['--list'], deadlineMs);
  if (!answer.ok) {
    const { code, message } = answer.fault;
    return code === 'program-late'
      ? failed('camera-failed', `${message}. Disconnect and connect the camera.`)
      : failed('camera-unsupported', `${message}. Install sortbin again, or correct camera.program.`);
  }
  const { cameras, unusable } = parseV4l2List(answer.value);
  const holders = await findHolders(
    cameras.map(({ address }) => address),
    root,
  );
  const stablePaths = await findStablePaths(root);
  return done({
    cameras: cameras.map((camera) => ({
      ...camera,
      stablePath: stablePaths.get(camera.address) ?? null,
      holders: holders.get(camera.address) ?? [],
    })),
    unusable,
  });
};

/**
 * Kernel drivers of a Raspberry Pi whose devices are parts of the camera on the ribbon cable. libcamera owns them. The
 * driver `rpicam` uses that camera.
 */
const PARTS_OF_RIBBON_CAMERA = new Set(['unicam', 'bcm2835-isp', 'rp1-cfe', 'pispbe']);

/** Parses the output of `sortbin-camera --list`. Skips unknown lines, because a later sortbin-camera may add some. */
export const parseV4l2List = (text: string): CameraList => {
  const cameras: (FoundCamera & { readonly sizes: OfferedSize[]; readonly controls: CameraControl[] })[] = [];
  const unusable: UnusableCamera[] = [];
  for (const line of text.split('\n')) {
    const camera = /^camera (\S+) driver=(.*?) bus=(.*?) card=(.*)$/.exec(line);
    const error = /^error (\S+) (\S+) ?(.*)$/.exec(line);
    const size = /^size (.{4}) (\d+)x(\d+)((?: [\d.]+)*)$/.exec(line);
    const control = parseControl(line);
    if (camera) {
      const [, address = '', kernelDriver = '', place = '', model = ''] = camera;
      const found = { driver: 'v4l2', address, kernelDriver, place, model } as const;
      cameras.push({ ...found, stablePath: null, sizes: [], controls: [], holders: [] });
    } else if (error) unusable.push(unusableOf(error));
    else if (size) cameras.at(-1)?.sizes.push(sizeOf(size));
    else if (control) cameras.at(-1)?.controls.push(control);
  }
  return {
    cameras: cameras.filter(({ kernelDriver }) => !PARTS_OF_RIBBON_CAMERA.has(kernelDriver ?? '')),
    unusable,
  };
};

const unusableOf = ([, address = '', code, text = '']: readonly string[]): UnusableCamera => {
  if (code === 'denied') {
    const message = 'permission denied. Add your user to the group video, then log in again.';
    return { address, code: 'camera-denied', message };
  }
  const reason = text || 'cannot be opened';
  return code === 'busy'
    ? { address, code: 'camera-busy', message: `${reason}. End the program that uses the camera.` }
    : { address, code: 'camera-failed', message: `${reason}. Disconnect and connect the camera.` };
};

const sizeOf = ([, format = '', width, height, rates = '']: readonly string[]): OfferedSize => ({
  format: format.trim(),
  width: Number(width),
  height: Number(height),
  rates: rates.split(' ').filter(Boolean).map(Number),
});
