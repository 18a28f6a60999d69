import type { CameraList, FoundCamera } from '../../hardware/camera/camera-list.js';
import { CalibrateError, type Key, type Screen } from './calibrate.js';

/** Returns the camera with this address or stable path. @throws CalibrateError if there is none */
export const findCamera = (lists: readonly CameraList[], address: string): FoundCamera => {
  const cameras = lists.flatMap((list) => list.cameras);
  const camera = cameras.find((one) => one.address === address || one.stablePath === address);
  if (camera) return camera;
  const unusable = lists.flatMap((list) => list.unusable).find((one) => one.address === address);
  const known = cameras.map((one) => one.address).join(', ') || 'none';
  throw new CalibrateError(
    'calibrate-camera',
    unusable
      ? `${address}: ${unusable.message}`
      : `--camera: camera ${address} not found. Cameras of this machine: ${known}.`,
  );
};

const MAX_CHOICES = 9;

/** Lets a person choose a camera by a digit. Returns null for the simulated camera, and if the keys end. */
export const chooseCamera = async (
  cameras: readonly FoundCamera[],
  keys: AsyncIterator<Key>,
  screen: Screen,
): Promise<FoundCamera | null> => {
  if (cameras.length === 0) return null;
  screen.print('camera.driver is simulated. Choose a camera:');
  screen.print('  0  the simulated camera');
  const choices = cameras.slice(0, MAX_CHOICES);
  for (const [index, { model, address, place }] of choices.entries())
    screen.print(`  ${index + 1}  ${model}, ${address}, ${place}`);
  for (let next = await keys.next(); !next.done; next = await keys.next()) {
    const chosen = choices[Number(next.value) - 1];
    if (chosen) return chosen;
    if (next.value === '0' || next.value === 'ctrl-c') return null;
  }
  return null;
};
