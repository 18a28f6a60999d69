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
 * The meaning of Y, U and V. In libcamera's names, `bt601-full` is sYCC, `bt601-limited` is SMPTE 170M, and
 * `bt709-limited` is Rec. 709.
 */
export type YuvColour = 'bt601-full' | 'bt601-limited' | 'bt709-full' | 'bt709-limited';

/**
 * Three planes: Y, then U, then V. U and V have half the width and half the height, rounded up. A row of Y has
 * `strideBytes` bytes, at least the width. A row of U or V has half of that.
 */
interface Yuv420Format {
  readonly kind: 'yuv420';
  readonly width: number;
  readonly height: number;
  /** Even. */
  readonly strideBytes: number;
  readonly colour: YuvColour;
}

/**
 * Packed 4:2:2: each pair of pixels is Y0 U Y1 V, row by row. If the width is odd, the last pair of a row has a spare
 * Y1. A row has `strideBytes` bytes, at least 4 for each pair.
 */
interface YuyvFormat {
  readonly kind: 'yuyv';
  readonly width: number;
  readonly height: number;
  readonly strideBytes: number;
  readonly colour: YuvColour;
}

/** The memory layout of a raw frame. */
export type FrameFormat = RgbFormat | Yuv420Format | YuyvFormat;

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
 * - `camera-missing`: there is no such camera, or it was unplugged
 * - `camera-denied`: this user may not open the camera
 * - `camera-busy`: another program uses the camera
 * - `camera-unsupported`: the camera, or its program, offers no usable format
 * - `camera-no-frame`: the camera runs, but no frame arrived, or each was older than the request
 * - `camera-frozen`: the frames stopped, or repeat the same image
 * - `camera-failed`: any other failure
 */
export const CAMERA_FAULTS = [
  'camera-missing',
  'camera-denied',
  'camera-busy',
  'camera-unsupported',
  'camera-no-frame',
  'camera-frozen',
  'camera-failed',
] as const;
export type CameraFault = (typeof CAMERA_FAULTS)[number];

/**
 * The event that the time of a frame is derived from.
 * - `exposure`: the camera reports the start of the exposure
 * - `frame-start`: the first data of the frame arrived
 * - `frame-end`: the frame was complete
 * - `arrival`: the program received the frame
 * - `request`: the program asked for the frame
 */
export type CameraClock = 'exposure' | 'frame-start' | 'frame-end' | 'arrival' | 'request';

/** The properties of a camera that works. */
export interface CameraInfo {
  readonly driver: string;
  /** Name of the camera or of its sensor. */
  readonly model: string;
  /** Size of a frame in pixels; null: each frame may have another size. */
  readonly size: { readonly width: number; readonly height: number } | null;
  /** `file`: JPEG, PNG or WebP. */
  readonly format: 'jpeg' | 'file' | FrameFormat['kind'];
  /** Frames per second; null: a frame is taken only on request. */
  readonly framesPerSecond: number | null;
  readonly clock: CameraClock;
  /** Time in ms from the start of the exposure to the event of `clock`. It is subtracted from the time of a frame. */
  readonly latencyMs: number;
}

/** A control of Video4Linux, with its present value. */
export interface CameraControl {
  readonly name: string;
  readonly value: number;
  readonly minimum: number;
  readonly maximum: number;
  readonly step: number;
  readonly defaultValue: number;
  /** Inactive: another control has this value, such as automatic exposure. */
  readonly isInactive: boolean;
}

/** Settings of libcamera. null: the camera has no such control. */
export interface LibcameraSettings {
  readonly exposure: { readonly shutterUs: number; readonly gain: number } | null;
  readonly whiteBalance: { readonly red: number; readonly blue: number } | null;
  readonly focus: { readonly dioptres: number } | null;
}

/** The settings that a camera uses now. Those that it adjusts automatically have their present values. */
export type CameraSettings =
  | ({ readonly kind: 'libcamera' } & LibcameraSettings)
  | { readonly kind: 'controls'; readonly controls: readonly CameraControl[] };

/**
 * Takes images. Its health is the fault of the camera, from its occurrence until the camera delivers frames again. A
 * fault names its fix.
 */
export interface Camera extends HealthSource<CameraFault> {
  /**
   * Starts the camera. After a failure, the camera keeps trying until `close`, with back-off. Call it once.
   * @throws SortbinError with a CameraFault code if the first attempt fails; the signal's reason
   */
  start(signal: AbortSignal): Promise<CameraInfo>;
  /**
   * Returns the first frame whose exposure began after `atMs` (monotonic). The caller checks the time of the frame
   * again, and limits the wait with `signal`. A camera with a fault is restarted at once. If that fails, the answer is
   * its fault. Rejects with the signal's reason if the signal is aborted.
   */
  frameAfter(atMs: number, signal: AbortSignal): Promise<Answer<Frame, CameraFault>>;
  /** Returns the newest frame that the camera has, or the first one if it has none. Otherwise like `frameAfter`. */
  latest(signal: AbortSignal): Promise<Answer<Frame, CameraFault>>;
  /** Returns the settings that the camera uses now. null: the driver reports none. Otherwise like `frameAfter`. */
  settings(signal: AbortSignal): Promise<Answer<CameraSettings | null, CameraFault>>;
  /** Ends everything that runs, within 2 s, at any moment. Later and pending calls return `camera-failed`. */
  close(): Promise<void>;
}
