import { SortbinError } from '../../kit/errors.js';

/**
 * - `model-invalid`: the runtime cannot execute the model
 * - `input-invalid`: the input does not fit the model
 * - `invoke-failed`: the runtime failed while it executed the model
 * - `output-invalid`: the output cannot be used
 * - `interpreter-busy`: a run is in progress, and only one is allowed at a time
 * - `interpreter-closed`: the interpreter was closed
 */
export type InterpreterErrorCode =
  | 'model-invalid'
  | 'input-invalid'
  | 'invoke-failed'
  | 'output-invalid'
  | 'interpreter-busy'
  | 'interpreter-closed';

export class InterpreterError extends SortbinError<InterpreterErrorCode> {
  override readonly name = 'InterpreterError';
}

export type TensorType = 'uint8' | 'int8' | 'float32';
export type TensorData = Uint8Array | Int8Array | Float32Array;

export interface TensorSpec {
  readonly name: string;
  readonly type: TensorType;
  readonly shape: readonly number[];
  /** A real value is `scale * (stored value - zeroPoint)`. For float32, scale is 1 and zeroPoint is 0. */
  readonly scale: number;
  readonly zeroPoint: number;
}

/** Outputs by tensor name, because their order differs between runtimes. */
export type Outputs = ReadonlyMap<string, TensorData>;

/** A model loaded in one runtime. */
export interface Interpreter {
  /** Name and version of the kernels that execute the model, for example `xnnpack-2.9`. */
  readonly backend: string;
  readonly threads: number;
  /** Faster kernels that refused the model, with the reason. */
  readonly skipped: readonly { readonly runtime: string; readonly why: string }[];
  readonly input: TensorSpec;
  readonly outputs: ReadonlyMap<string, TensorSpec>;
  /**
   * Runs the model once. The native bindings run off the event loop, but TensorFlow.js blocks it. `input` holds the bytes
   * of an image, 0 to 255, in the order row, column, channel. The caller may reuse `input` after the promise settles,
   * and owns the returned outputs.
   * @throws InterpreterError if the run fails, never the outputs of an earlier run instead
   */
  invoke(input: Uint8Array): Promise<Outputs>;
  /** Waits for a run in progress, then frees all resources. */
  close(): Promise<void>;
}
