import type { CameraControl, CameraInfo, FrameFormat } from '../camera.js';
import type { Started } from './process.js';
import type { Ready } from './protocol.js';

const CLOCKS = { soe: 'frame-start', eof: 'frame-end', arrival: 'arrival' } as const;
/** Value of auto_exposure and exposure_auto: V4L2_EXPOSURE_MANUAL. */
const MANUAL = 1;

/** Returns the layout of the frames. null: JPEG. */
export const formatOf = ({ format, colour, width, height, strideBytes }: Ready): FrameFormat | null =>
  format === 'MJPG' || colour === 'jpeg' ? null : { kind: 'yuyv', width, height, strideBytes, colour };

/** `latencyMs`: of the configuration. null: estimated. */
export const infoOf = ({ ready, controls }: Started, latencyMs: number | null): CameraInfo => ({
  driver: 'v4l2',
  model: ready.card,
  size: { width: ready.width, height: ready.height },
  format: ready.format === 'MJPG' ? 'jpeg' : 'yuyv',
  framesPerSecond: ready.framesPerSecond,
  clock: CLOCKS[ready.clock],
  latencyMs: latencyMs ?? estimateLatencyMs(1_000 / ready.framesPerSecond, controls),
});

/**
 * Returns the longest usual time from the start of the exposure to the first data of a frame: the exposure, and one
 * interval for the camera's own buffer. An automatic exposure takes at most one interval.
 */
const estimateLatencyMs = (intervalMs: number, controls: readonly CameraControl[]): number => {
  const valueFor = (...names: readonly string[]): number | null =>
    controls.find(({ name }) => names.includes(name))?.value ?? null;
  // The second names are those of older kernels. The unit of the time is 100 us.
  const isManual = valueFor('auto_exposure', 'exposure_auto') === MANUAL;
  const exposure = valueFor('exposure_time_absolute', 'exposure_absolute');
  return Math.ceil(intervalMs + (isManual && exposure !== null ? exposure / 10 : intervalMs));
};
