import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { type Answer, done, failed } from '../../kit/errors.js';
import type { CameraFault } from './camera.js';

/** For a machine without rpicam-apps. */
export const INSTALL_FIX =
  'On Raspberry Pi OS, run sudo apt install rpicam-apps. Debian has no such package.';

/** Returns the message for a configured program that does not exist or may not be executed. */
export const missingProgram = (program: string): string =>
  `camera.program: ${program} is not a program. Correct camera.program, or set null to search PATH.`;

/**
 * Returns the path of the configured program or, if that is null, of the first one of `names` in PATH. A fault names the
 * fix.
 */
export const findProgram = async (
  configured: string | null,
  names: readonly [string, ...string[]],
): Promise<Answer<string, CameraFault>> => {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  const paths =
    configured === null ? names.flatMap((name) => folders.map((folder) => join(folder, name))) : [configured];
  for (const path of paths) {
    const isProgram = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isProgram) return done(path);
  }
  const message =
    configured === null ? `${names[0]} is not installed. ${INSTALL_FIX}` : missingProgram(configured);
  return failed('camera-unsupported', message);
};
