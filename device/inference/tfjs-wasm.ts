import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { type Interpreter, InterpreterError } from './interpreter.js';
import { openGraphModel, type TfjsOptions } from './tfjs.js';

/** Opens a graph model on WebAssembly kernels, with SIMD where the machine has it. @throws InterpreterError */
export const openTfjsWasm = async (options: TfjsOptions): Promise<Interpreter> => {
  const [core, { loadGraphModel }, wasm] = await Promise.all([
    import('@tensorflow/tfjs-core'),
    import('@tensorflow/tfjs-converter'),
    import('@tensorflow/tfjs-backend-wasm'),
  ]);
  const main = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm');
  wasm.setWasmPaths(join(dirname(main), '/'));
  if (!(await core.setBackend('wasm'))) {
    throw new InterpreterError(
      'model-invalid',
      'the WebAssembly backend of TensorFlow.js cannot be set up here',
    );
  }
  const simd = await core.env().getAsync('WASM_HAS_SIMD_SUPPORT');
  const kernels = `wasm${simd ? '' : '-nosimd'}-${wasm.version_wasm}`;
  return openGraphModel({ core, loadGraphModel, backend: 'wasm', kernels }, options);
};
