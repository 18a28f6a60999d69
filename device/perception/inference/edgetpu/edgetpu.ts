import { type Interpreter, InterpreterError } from '../interpreter.js';
import type { EdgeTpuSettings } from '../runtimes.js';
import { openTfLite } from '../tflite/tflite.js';
import { chooseAccelerator, findAccelerators } from './accelerator.js';
import { createEdgeTpuDelegate, EdgeTpuError } from './plugin.js';

export interface EdgeTpuOptions {
  /** Path of the TensorFlow Lite C library that runs the delegate. */
  readonly library: string;
  /** A model that edgetpu_compiler has compiled. */
  readonly model: Uint8Array;
  readonly settings: EdgeTpuSettings;
}

/** The operation that edgetpu_compiler puts in the place of those that the Edge TPU runs. */
const CUSTOM_OPERATION = 'edgetpu-custom-op';

/**
 * Opens a compiled model on a Coral Edge TPU. The first run loads the model's parameters into it, and takes many times
 * as long as the others. Native code that is not ours may hang or end the process: only to be used in a child.
 * @throws EdgeTpuError, InterpreterError, NativeError
 */
export const openEdgeTpu = async ({ library, model, settings }: EdgeTpuOptions): Promise<Interpreter> => {
  if (!Buffer.from(model.buffer, model.byteOffset, model.length).includes(CUSTOM_OPERATION)) {
    throw new InterpreterError(
      'model-invalid',
      `the model has no ${CUSTOM_OPERATION}: it is not compiled for the Edge TPU; see docs/coral.md`,
    );
  }
  const chosen = chooseAccelerator(settings.device, await findAccelerators(settings.root));
  if (!chosen.ok) throw new EdgeTpuError(chosen.fault.code, chosen.fault.message);
  const delegate = createEdgeTpuDelegate(settings, chosen.value);
  const backend = `edgetpu-${chosen.value.accelerator.kind}`;
  return openTfLite({ library, model, threads: 1, delegate: { ...delegate, backend } });
};
