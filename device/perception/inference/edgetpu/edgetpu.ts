import { type Interpreter, InterpreterError } from '../interpreter.js';
import type { EdgeTpuSettings } from '../runtimes.js';
import { openTfLite } from '../tflite/tflite.js';
import { findAccelerators, selectAccelerator } from './accelerator.js';
import { createEdgeTpuDelegate, EdgeTpuError } from './plugin.js';

export interface EdgeTpuOptions {
  /** Path of the TensorFlow Lite C library that uses the delegate. */
  readonly library: string;
  /** Bytes of a model compiled by edgetpu_compiler. */
  readonly model: Uint8Array;
  readonly settings: EdgeTpuSettings;
}

/** edgetpu_compiler replaces the operators that the Edge TPU executes by this one. */
const CUSTOM_OPERATOR = 'edgetpu-custom-op';

/**
 * Opens a compiled model on a Coral Edge TPU. The first run loads the model's parameters into the Edge TPU and takes
 * many times as long as the others. Third-party native code may hang or end the process. Use it only in a child
 * process.
 * @throws EdgeTpuError, InterpreterError, NativeError
 */
export const openEdgeTpu = async ({ library, model, settings }: EdgeTpuOptions): Promise<Interpreter> => {
  if (!Buffer.from(model.buffer, model.byteOffset, model.length).includes(CUSTOM_OPERATOR)) {
    throw new InterpreterError(
      'model-invalid',
      `the model is not compiled for the Edge TPU: it has no ${CUSTOM_OPERATOR}. See docs/coral.md.`,
    );
  }
  const selected = selectAccelerator(settings.device, await findAccelerators(settings.root));
  if (!selected.ok) throw new EdgeTpuError(selected.fault.code, selected.fault.message);
  const delegate = createEdgeTpuDelegate(settings, selected.value);
  const backend = `edgetpu-${selected.value.accelerator.kind}`;
  return openTfLite({ library, model, threads: 1, delegate: { ...delegate, backend } });
};
