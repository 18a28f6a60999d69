import type { VisionOptions } from '../../device/perception/vision/protocol.js';

/** What a vision child is asked to serve: the C library on one thread, where nothing else is said. */
export const serving = (bundle: string, changes: Partial<VisionOptions> = {}): VisionOptions => ({
  bundle,
  runtime: 'tflite',
  threads: 1,
  tflite: { binding: 'tensorflowlite', library: null },
  edgetpu: { library: 'libedgetpu.so.1', device: 'auto', performance: null },
  nice: 0,
  cpus: null,
  skip: [],
  ...changes,
});
