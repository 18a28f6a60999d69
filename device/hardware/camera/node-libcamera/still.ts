import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../../../kit/clock.js';
import { type Answer, done, failed, messageOf } from '../../../kit/errors.js';
import { killProcessGroup, ownProcessGroup } from '../../../kit/process-group.js';
import type { CameraFault } from '../camera.js';
import { completeJpeg } from '../jpeg.js';

/** The settings of a still. All are integers, because the package passes them to a shell without quotes. */
export interface StillSettings {
  /** Index of the camera. */
  readonly camera: number;
  readonly width: number;
  readonly height: number;
  readonly rotation: 0 | 180;
}

export interface StillOptions extends StillSettings {
  /** Path of rpicam-still. */
  readonly program: string;
  /** Path of the main file of the package node-libcamera. */
  readonly packagePath: string;
  readonly captureMs: number;
  readonly clock: Clock;
}

/** The options of the package, which become command-line options of rpicam-still. */
export interface StillArguments extends StillSettings {
  readonly nopreview: true;
  /** Time in ms for automatic exposure and white balance before the still. */
  readonly timeout: number;
  /** Relative to the working directory, so that no character of a path reaches the shell. */
  readonly output: string;
}

/** The command that the package runs. Today's Raspberry Pi OS has only rpicam-still. */
const COMMAND = 'libcamera-still';
const OUTPUT = 'still.jpg';
const SETTLE_MS = 1_000;
const CHILD = fileURLToPath(new URL('./child.js', import.meta.url));
const CHECK_CABLE = 'Check the ribbon cable.';

/**
 * Takes a still with the package node-libcamera and returns its JPEG bytes. All processes are killed after `captureMs`,
 * and if `signal` is aborted. Rejects with the signal's reason then, and never with another error.
 */
export const takeStill = async (
  options: StillOptions,
  signal: AbortSignal,
): Promise<Answer<Uint8Array, CameraFault>> => {
  try {
    return await takeInFolder(options, signal);
  } catch (thrown) {
    signal.throwIfAborted();
    return failed('camera-failed', `${messageOf(thrown)}. Check the folder of TMPDIR.`);
  }
};

/** Makes a temporary folder for the still, and removes it. @throws if that fails; the signal's reason */
const takeInFolder = async (
  options: StillOptions,
  signal: AbortSignal,
): Promise<Answer<Uint8Array, CameraFault>> => {
  signal.throwIfAborted();
  const folder = await mkdtemp(join(tmpdir(), 'sortbin-still-'));
  try {
    await symlink(options.program, join(folder, COMMAND));
    const end = await runChild(folder, options, signal);
    signal.throwIfAborted();
    if (end.isLate)
      return failed('camera-no-frame', `no still within ${options.captureMs} ms. ${CHECK_CABLE}`);
    const bytes = end.exitCode === 0 ? await readFile(join(folder, OUTPUT)).catch(() => null) : null;
    if (!bytes) return faultOf(end, options);
    return bytes[0] === 0xff && bytes[1] === 0xd8
      ? done(completeJpeg(bytes))
      : failed('camera-failed', `the still of ${bytes.length} bytes is not a JPEG. ${CHECK_CABLE}`);
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
};

interface ChildEnd {
  /** null: it was killed, or not started. */
  readonly exitCode: number | null;
  readonly isLate: boolean;
  /** The end of its standard error. */
  readonly errors: string;
}

/** Time in ms for killed processes to exit. A process that waits for the camera in the kernel may need longer. */
const KILL_MS = 500;
const MAX_ERROR_LENGTH = 4_000;

const runChild = (
  folder: string,
  { packagePath, camera, width, height, rotation, captureMs, clock }: StillOptions,
  signal: AbortSignal,
): Promise<ChildEnd> =>
  new Promise((resolve) => {
    const output: StillArguments = {
      ...{ nopreview: true, timeout: SETTLE_MS, output: OUTPUT },
      ...{ camera, width, height, rotation },
    };
    const child = spawn(process.execPath, [CHILD, packagePath, JSON.stringify(output)], {
      cwd: folder,
      // The links are found first. Only this call sees them.
      env: { PATH: [folder, process.env.PATH].join(delimiter) },
      stdio: ['ignore', 'ignore', 'pipe'],
      // A process group, so that one signal also reaches the shell and rpicam-still.
      detached: true,
    });
    ownProcessGroup(child);
    let errors = '';
    let isLate = false;
    let cancel = () => {};
    const end = (exitCode: number | null) => {
      cancel();
      signal.removeEventListener('abort', kill);
      resolve({ exitCode, isLate, errors });
    };
    const kill = () => {
      cancel();
      killProcessGroup(child);
      cancel = clock.after(KILL_MS, () => end(null));
    };
    cancel = clock.after(captureMs, () => {
      isLate = true;
      kill();
    });
    signal.addEventListener('abort', kill, { once: true });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors = (errors + text).slice(-MAX_ERROR_LENGTH);
    });
    child.on('error', ({ message }) => {
      errors += message;
      if (child.pid === undefined) end(null);
    });
    child.on('close', (code) => end(code));
  });

/** Exit codes of a shell for a file that cannot be executed, and for one that is missing. */
const NOT_EXECUTED = [126, 127];
/** What the shell writes about a file of another machine, of an unknown format, or without its interpreter. */
const NOT_EXECUTABLE = /exec format error|cannot execute|: (command )?not found$|: syntax error/i;

const faultOf = ({ errors, exitCode }: ChildEnd, { camera, program }: StillOptions) => {
  const reason = /ERROR: \*\*\* (.*?) \*\*\*/.exec(errors)?.[1] ?? errors.trim().split('\n').at(-1) ?? '';
  const text = `camera ${camera}: ${reason.slice(0, 200) || 'rpicam-still wrote no file'}`;
  if (NOT_EXECUTED.includes(exitCode ?? 0) || NOT_EXECUTABLE.test(reason))
    return failed(
      'camera-unsupported',
      `${program} cannot be executed. Install the rpicam-apps of this machine, or correct camera.program.`,
    );
  if (/no cameras available|selected camera is not available/.test(reason))
    return failed('camera-missing', `${text}. ${CHECK_CABLE}`);
  if (/failed to acquire camera|in use|busy/i.test(reason))
    return failed('camera-busy', `${text}. End the program that uses the camera.`);
  if (/permission denied/i.test(reason))
    return failed('camera-denied', `${text}. Add your user to the group video, then log in again.`);
  return failed('camera-failed', `${text}. Run rpicam-still -o still.jpg to see why.`);
};
