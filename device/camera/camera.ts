import type { Answer } from '../kit/errors.js';

/** An encoded picture with the time at which its exposure began. */
export interface Frame {
  readonly id: string;
  /** JPEG, PNG or WebP, as it was captured: the daemon never decodes it. */
  readonly bytes: Uint8Array;
  /** Monotonic milliseconds. */
  readonly capturedAtMs: number;
  readonly capturedAtWallMs: number;
  /** Where a picture comes from a file: its path under the camera's folder. */
  readonly name?: string;
}

/** `camera-no-frame`: nothing came; `camera-failed`: the camera itself is broken or gone. */
export type CameraFault = 'camera-no-frame' | 'camera-failed';

export interface Camera {
  /**
   * The first frame whose exposure began after `atMs` (monotonic). The caller checks the time again, and bounds the
   * wait by `signal`; rejects with the signal's reason when aborted.
   */
  frameAfter(atMs: number, signal: AbortSignal): Promise<Answer<Frame, CameraFault>>;
  close(): Promise<void>;
}
