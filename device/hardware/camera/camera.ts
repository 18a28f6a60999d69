import type { Answer } from '../../kit/errors.js';

/** Red, green, blue, 8 bits each, row by row; a row takes `strideBytes`, 3 * width or more. */
interface RgbFormat {
  readonly kind: 'rgb';
  readonly width: number;
  readonly height: number;
  readonly strideBytes: number;
}

/**
 * Planes of Y, then U, then V, the last two of half the sides, rounded up; a row of Y takes `strideBytes`, width or
 * more, one of U and V half of that. `colour` by libcamera's names: sYCC is `bt601-full`, SMPTE 170M `bt601-limited`,
 * Rec. 709 `bt709-limited`.
 */
interface Yuv420Format {
  readonly kind: 'yuv420';
  readonly width: number;
  readonly height: number;
  /** Even. */
  readonly strideBytes: number;
  readonly colour: 'bt601-full' | 'bt601-limited' | 'bt709-limited';
}

/** How the bytes of a raw frame are laid out. */
export type FrameFormat = RgbFormat | Yuv420Format;

/** A picture with the time at which its exposure began. */
export interface Frame {
  readonly id: string;
  /** As it was captured: the daemon never decodes it. */
  readonly bytes: Uint8Array;
  /** Of raw bytes; where it is left out, they are a JPEG, PNG or WebP. */
  readonly format?: FrameFormat;
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
