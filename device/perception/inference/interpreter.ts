import { SortbinError } from '../../kit/errors.js';

/**
 * `model-invalid`: the runtime does not take the model; `input-invalid`: the bytes are not an input of it;
 * `invoke-failed`: the runtime failed at a run; `output-invalid`: its answer cannot be used; `interpreter-busy`: one
 * call at a time; `interpreter-closed`.
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
  /** A real value is `scale * (stored value - zeroPoint)`; 1 and 0 for float32. */
  readonly scale: number;
  readonly zeroPoint: number;
}

/** Outputs by the tensor's name: their order differs from one runtime to the next. */
export type Outputs = ReadonlyMap<string, TensorData>;

/** A loaded model in one runtime. */
export interface Interpreter {
  /** The kernels that run, with their version: `xnnpack-2.9`. */
  readonly backend: string;
  readonly threads: number;
  /** Faster kernels that did not take the model, and why. */
  readonly passedOver: readonly { readonly runtime: string; readonly why: string }[];
  readonly input: TensorSpec;
  readonly outputs: ReadonlyMap<string, TensorSpec>;
  /**
   * Runs the model once, off the event loop. `input` is a picture's bytes, 0 to 255, in row, column, channel order;
   * it may be reused once this has settled, and the outputs are the caller's own.
   * @throws InterpreterError; then there is no output, an older one least of all
   */
  invoke(input: Uint8Array): Promise<Outputs>;
  /** Waits for a run in progress, then frees everything. */
  close(): Promise<void>;
}
