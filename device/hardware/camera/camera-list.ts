import type { CameraControl, CameraFault } from './camera.js';

/** A size that a camera offers. */
export interface OfferedSize {
  /** As the camera's program names it: `MJPG`, `YUYV`, `SRGGB10_CSI2P`. */
  readonly format: string;
  readonly width: number;
  readonly height: number;
  /** Frames per second. Empty: the camera does not state them. */
  readonly rates: readonly number[];
}

/** A process that has the device of a camera open. */
export interface Holder {
  readonly pid: number;
  readonly command: string;
}

/** A camera of this machine. */
export interface FoundCamera {
  readonly driver: 'v4l2' | 'rpicam';
  /** Value for the configuration: the path of the device for `v4l2`, the index for `rpicam`. */
  readonly address: string;
  /** A path that names the same camera after a restart. null: none. */
  readonly stablePath: string | null;
  /** Name of the camera or of its sensor. */
  readonly model: string;
  /** Where the camera is connected. */
  readonly place: string;
  /** The kernel driver. null: not stated. */
  readonly kernelDriver: string | null;
  readonly sizes: readonly OfferedSize[];
  readonly controls: readonly CameraControl[];
  /** The processes that this user may see. */
  readonly holders: readonly Holder[];
}

/** A device that was found, but cannot be opened. The message names the fix. */
export interface UnusableCamera {
  readonly address: string;
  readonly code: CameraFault;
  readonly message: string;
}

export interface CameraList {
  readonly cameras: readonly FoundCamera[];
  readonly unusable: readonly UnusableCamera[];
}
