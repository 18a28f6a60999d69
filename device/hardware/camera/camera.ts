import type { Answer } from '../../kit/errors.js';
import type { HealthSource } from '../../kit/health.js';

/** Red, green and blue with 8 bits each, row by row. A row has `strideBytes` bytes, at least 3 * width. */
interface RgbFormat {
  readonly kind: 'rgb';
  readonly width: number;
  readonly height: number;
  readonly strideBytes: number;
}

/**
 * Three planes: Y, then U, then V. U and V have half the width and half the height, rounded up. A row of Y has
 * `strideBytes` bytes, at least the width. A row of U or V has half of that. `colour` corresponds to libcamera's names:
 * `bt601-full` is sYCC, `bt601-limited` is SMPTE 170M, and `bt709-limited` is Rec. 709.
 */
interface Yuv420Format {
  readonly kind: 'yuv420';
  readonly width: number;
  readonly height: number;
  /** Even. */
  readonly strideBytes: number;
  readonly colour: 'bt601-full' | 'bt601-limited' | 'bt709-limited';
}

/** The memory layout of a raw frame. */
export type FrameFormat = RgbFormat | Yuv420Format;

/** An image with the start time of its exposure. */
export interface Frame {
  readonly id: string;
  /** The bytes as captured. The daemon never decodes them. */
  readonly bytes: Uint8Array;
  /** The layout of raw bytes. Without it, the bytes are a JPEG, PNG or WebP file. */
  readonly format?: FrameFormat;
  /** Monotonic milliseconds. */
  readonly capturedAtMs: number;
  readonly capturedAtWallMs: number;
  /** If the image comes from a file, its path relative to the camera's folder. */
  readonly name?: string;
}

/**
 * - `camera-no-frame`: no frame arrived.
 * - `camera-failed`: the camera is broken or disconnected.
 */
export type CameraFault = 'camera-no-frame' | 'camera-failed';

/** Takes images. Its health is its fault, until the next frame arrives. */
export interface Camera extends HealthSource<CameraFault> {
  /**
   * Returns the first frame whose exposure began after `atMs` (monotonic). The caller checks the time of the frame
   * again, and limits the wait with `signal`. Rejects with the signal's reason if the signal is aborted.
   */
  frameAfter(atMs: number, signal: AbortSignal): Promise<Answer<Frame, CameraFault>>;
  close(): Promise<void>;
}
