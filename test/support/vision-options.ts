import type { VisionOptions } from '../../device/perception/vision/protocol.js';

/** Returns options for a vision process. By default, it uses the TensorFlow Lite library with one thread. */
export const makeVisionOptions = (bundle: string, changes: Partial<VisionOptions> = {}): VisionOptions => ({
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
