import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { messageOf } from '../../../kit/errors.js';
import { type Interpreter, InterpreterError } from '../interpreter.js';
import { openGraphModel, type TfjsOptions } from './graph-model.js';

/**
 * Opens a graph model on WebAssembly kernels, with SIMD if the CPU supports it. In Node, TensorFlow.js runs these
 * kernels on one thread.
 * @throws InterpreterError `model-invalid`
 */
export const openTfjsWasm = async (options: TfjsOptions): Promise<Interpreter> => {
  const [core, { loadGraphModel }, wasm] = await Promise.all([
    import('@tensorflow/tfjs-core'),
    import('@tensorflow/tfjs-converter'),
    import('@tensorflow/tfjs-backend-wasm'),
  ]);
  const main = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm');
  try {
    wasm.setWasmPaths(join(dirname(main), '/'));
  } catch (cause) {
    // After one failed setup, TensorFlow.js refuses every later one in the same process.
    const message = `TensorFlow.js: cannot set up WebAssembly (${messageOf(cause)})`;
    throw new InterpreterError('model-invalid', message, { cause });
  }
  const simd = await core.env().getAsync('WASM_HAS_SIMD_SUPPORT');
  const kernels = `wasm${simd ? '' : '-nosimd'}-${wasm.version_wasm}`;
  return openGraphModel({ core, loadGraphModel, backend: 'wasm', kernels, threads: 1 }, options);
};
