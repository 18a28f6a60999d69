import { withDeadline } from '../../../kit/deadline.js';
import { type Answer, done } from '../../../kit/errors.js';
import type { Camera, CameraFault, LibcameraSettings } from '../camera.js';
import { findProgram } from '../find-program.js';
import { type CameraStream, SupervisedCamera } from '../supervised-camera.js';
import { RpicamStream, type RpicamStreamOptions } from './rpicam-stream.js';

export interface RpicamCameraOptions extends Omit<RpicamStreamOptions, 'program' | 'locked' | 'signal'> {
  /** Path of rpicam-vid. null: rpicam-vid, else libcamera-vid, from PATH. */
  readonly program: string | null;
  /**
   * Time after which exposure, white balance and focus are locked at the values that the camera has chosen. They stay
   * locked when the stream is restarted. null: the camera keeps adjusting them.
   */
  readonly lockAfterMs: number | null;
  /** Number of identical frames in a row that count as a frozen camera. 0: never. */
  readonly identicalFrames: number;
}

/** rpicam-apps had the second name until 2023. */
const PROGRAMS = ['rpicam-vid', 'libcamera-vid'] as const;

/** Makes a camera of a Raspberry Pi, which rpicam-vid keeps running. */
export const makeRpicamCamera = (options: RpicamCameraOptions): Camera => {
  const { lockAfterMs, identicalFrames, clock, log } = options;
  let locked: LibcameraSettings | null = null;
  let last: RpicamStream | null = null;

  const start = async (signal: AbortSignal): Promise<Answer<RpicamStream, CameraFault>> => {
    await last?.untilFree();
    const program = await findProgram(options.program, PROGRAMS);
    if (!program.ok) return program;
    const stream = new RpicamStream({ ...options, program: program.value, locked, signal });
    last = stream;
    const ready = await stream.ready;
    return ready.ok ? done(stream) : ready;
  };

  /** Lets the camera adjust itself, and reads its settings. Returns the fault of a stream that ended meanwhile. */
  const lock = async (stream: RpicamStream, settleMs: number, signal: AbortSignal) => {
    const isOver = await withDeadline(clock, settleMs, () => stream.ended, signal).catch(() => null);
    if (isOver) return isOver;
    if (!signal.aborted) {
      locked = stream.newestSettings;
      log.info({ part: 'camera', ...locked }, 'the settings of the camera are locked');
    }
    await stream.close();
    return null;
  };

  const launch = async (signal: AbortSignal): Promise<Answer<CameraStream, CameraFault>> => {
    const started = await start(signal);
    if (!started.ok || lockAfterMs === null || locked) return started;
    const fault = await lock(started.value, lockAfterMs, signal);
    return fault ? { ok: false, fault } : start(signal);
  };
  return new SupervisedCamera({ launch, identicalFrames, clock, log });
};
