import type { Manifest } from '../../perception/inference/bundle/manifest.js';
import { MODEL_OF, type RuntimeName } from '../../perception/inference/runtimes.js';

/**
 * Resident memory (VmRSS) of a vision process with the factory model, in bytes. Measured on Node 24, in
 * docs/performance.md and docs/tensorflow-js.md. A Node process with its image decoder is most of it.
 */
const BASE_BYTES: Readonly<Record<RuntimeName, number>> = {
  edgetpu: 110e6,
  tflite: 110e6,
  'tfjs-node': 515e6,
  'tfjs-wasm': 210e6,
};

/** A model is in memory as its file, as the copy of the library, and as packed weights of the kernels. */
const COPIES = 3;

/** A process that needs more than this many times its estimate is killed. The estimate is rough for other models. */
const TOLERANCE = 2;

/** Estimates the memory of a vision process with this bundle, in bytes. */
export const neededBytes = ({ runtimes }: Manifest, runtime: RuntimeName): number => {
  const model = runtimes[MODEL_OF[runtime]];
  const files = model ? [model, ...('weights' in model ? model.weights : [])] : [];
  return BASE_BYTES[runtime] + COPIES * files.reduce((sum, { bytes }) => sum + bytes, 0);
};

/** Returns the resident memory above which a vision process is killed while it is tested. */
export const maxBytes = (manifest: Manifest, runtime: RuntimeName): number =>
  TOLERANCE * neededBytes(manifest, runtime);
