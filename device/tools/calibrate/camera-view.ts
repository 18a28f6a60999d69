import type { CameraInfo } from '../../hardware/camera/camera.js';
import type { FrameQuality } from '../../perception/vision/vision.js';
import { type Change, keyOf } from './calibrate.js';
import { changeText } from './edit-yaml.js';
import type { Latency } from './latency.js';

/** A measured image, and the largest sharpness so far. */
export interface Measurement extends FrameQuality {
  readonly best: number;
  /** Age of the image in ms when it was received. */
  readonly ageMs: number;
  readonly atWallMs: number;
}

export const cameraLine = ({ model, driver, size, format, framesPerSecond, latencyMs }: CameraInfo): string =>
  [
    `${model} (${driver})`,
    ...(size ? [`${size.width}x${size.height} ${format}`] : []),
    ...(framesPerSecond === null ? [] : [`${framesPerSecond} frames per second`]),
    `latency ${latencyMs} ms`,
  ].join(', ');

const BAR_LENGTH = 30;

/** `sharpness  123.4  best  150.2  #########` */
export const measurementLines = (measured: Measurement): string[] => {
  const { sharpness, best, meanLuma, darkShare, brightShare, ageMs, width, height } = measured;
  const bar = '#'.repeat(Math.round((BAR_LENGTH * sharpness) / Math.max(best, 1e-9)));
  return [
    `  sharpness   ${sharpness.toFixed(1).padStart(8)}   best ${best.toFixed(1)}   ${bar}`,
    `  brightness  ${meanLuma.toFixed(0).padStart(8)}   of 255, ${exposureWord(measured)}`,
    `  black       ${percent(darkShare).padStart(8)}   white ${percent(brightShare)}`,
    `  age         ${ageMs.toFixed(0).padStart(5)} ms   ${width}x${height}`,
  ];
};

export const measurementLine = (measured: Measurement): string => {
  const { sharpness, best, meanLuma, darkShare, brightShare } = measured;
  return [
    `sharpness ${sharpness.toFixed(1)}, best ${best.toFixed(1)}`,
    `brightness ${meanLuma.toFixed(0)}, black ${percent(darkShare)}, white ${percent(brightShare)}`,
    exposureWord(measured),
  ].join(', ');
};

export const measurementJson = ({ atWallMs, ...measured }: Measurement): string =>
  JSON.stringify({ at: new Date(atWallMs).toISOString(), ...measured });

const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;

/** Shares of clipped pixels, and levels, from which an image looks wrong to a person. */
const MAX_CLIPPED_SHARE = 0.1;
const DARK_LEVEL = 50;
const BRIGHT_LEVEL = 205;

const exposureWord = ({ meanLuma, darkShare, brightShare }: FrameQuality): string => {
  if (meanLuma > BRIGHT_LEVEL || brightShare > MAX_CLIPPED_SHARE) return 'too bright';
  return meanLuma < DARK_LEVEL || darkShare > MAX_CLIPPED_SHARE ? 'too dark' : 'good';
};

export const latencyLine = ({ medianMs, spreadMs, delaysMs, latencyMs }: Latency): string => {
  const figures = `median ${medianMs.toFixed(0)} ms, spread ${spreadMs.toFixed(0)} ms, ${delaysMs.length} times`;
  return `Light to image: ${figures}. ${latencyMs === null ? 'The present latency fits.' : `Proposed: ${latencyMs} ms.`}`;
};

export const changeLine = (change: Change): string => `  ${keyOf(change.path)}  ${changeText(change)}`;
