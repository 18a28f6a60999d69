import type { LibcameraSettings } from '../camera.js';

/** The configuration of a camera. null and `auto`: the camera decides. */
export interface RpicamSettings {
  /** Index, as rpicam-hello --list-cameras shows it. */
  readonly camera: number;
  readonly width: number;
  readonly height: number;
  readonly framesPerSecond: number;
  /** JPEG quality from 1 to 100. */
  readonly quality: number;
  /** Degrees. */
  readonly rotation: 0 | 180;
  /** A part of the image, as fractions of its size. */
  readonly crop: {
    readonly x: number;
    readonly y: number;
    readonly width: number;
    readonly height: number;
  } | null;
  readonly exposure: 'auto' | NonNullable<LibcameraSettings['exposure']>;
  readonly whiteBalance: 'auto' | NonNullable<LibcameraSettings['whiteBalance']>;
  readonly focus: 'auto' | NonNullable<LibcameraSettings['focus']>;
  /** Path of a libcamera tuning file. */
  readonly tuningFile: string | null;
}

/** Returns the command line of rpicam-vid. `locked` replaces the settings that are `auto`. */
export const rpicamArguments = (settings: RpicamSettings, locked: LibcameraSettings | null): string[] => {
  const { crop, rotation, tuningFile } = settings;
  const fixed = <Value>(value: 'auto' | Value, lockedValue: Value | null | undefined) =>
    value === 'auto' ? lockedValue : value;
  const exposure = fixed(settings.exposure, locked?.exposure);
  const whiteBalance = fixed(settings.whiteBalance, locked?.whiteBalance);
  const focus = fixed(settings.focus, locked?.focus);
  return [
    ...['--nopreview', '--timeout', '0', '--camera', `${settings.camera}`],
    ...['--codec', 'mjpeg', '--quality', `${settings.quality}`],
    ...['--width', `${settings.width}`, '--height', `${settings.height}`],
    ...['--framerate', `${settings.framesPerSecond}`],
    // Images and records in one stream, each record right after its image.
    ...['--flush', '--output', '-', '--metadata', '-', '--metadata-format', 'txt'],
    ...(rotation === 0 ? [] : ['--rotation', `${rotation}`]),
    ...(crop ? ['--roi', [crop.x, crop.y, crop.width, crop.height].join(',')] : []),
    ...(exposure ? ['--shutter', `${exposure.shutterUs}`, '--gain', `${exposure.gain}`] : []),
    ...(whiteBalance ? ['--awbgains', `${whiteBalance.red},${whiteBalance.blue}`] : []),
    ...(focus ? ['--autofocus-mode', 'manual', '--lens-position', `${focus.dioptres}`] : []),
    ...(tuningFile === null ? [] : ['--tuning-file', tuningFile]),
  ];
};
