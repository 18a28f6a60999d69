import { InterpreterError, type TensorData, type TensorSpec, type TensorType } from './interpreter.js';

/** TfLiteType of tensorflow/lite/c/c_api_types.h. LiteRtElementType uses the same numbers. */
const TYPES: ReadonlyMap<number, TensorType> = new Map([
  [1, 'float32'],
  [3, 'uint8'],
  [9, 'int8'],
]);

/**
 * Returns the type of a tensor from its TfLiteType.
 * @throws InterpreterError `model-invalid` if it is not supported
 */
export const tensorType = (name: string, code: number): TensorType => {
  const type = TYPES.get(code);
  if (type) return type;
  const supported = [...TYPES.values()].join(', ');
  throw new InterpreterError(
    'model-invalid',
    `tensor ${name}: TfLiteType ${code} is not supported. Supported are ${supported}.`,
  );
};

/**
 * Returns the bytes of an image in the form in which an input tensor of `bytes` bytes stores them.
 * @throws InterpreterError `input-invalid` if the size differs
 */
export const toStoredImage = (image: Uint8Array, { type, shape }: TensorSpec, bytes: number): Uint8Array => {
  if (image.length !== bytes) throw makeSizeError(image, bytes, shape);
  // An int8 input stores each value minus 128.
  return type === 'int8' ? image.map((value) => value ^ 0x80) : image;
};

/** The error for an input whose size does not fit the model. */
export const makeSizeError = (image: Uint8Array, bytes: number, shape: readonly number[]): InterpreterError =>
  new InterpreterError(
    'input-invalid',
    `the input has ${image.length} bytes, but the model takes ${bytes} (${shape.join(' x ')})`,
  );

/** Returns a tensor's values. `bytes` must start at the start of its buffer. */
export const toTensorData = (bytes: Uint8Array<ArrayBuffer>, { type }: TensorSpec): TensorData => {
  if (type === 'uint8') return bytes;
  return type === 'int8' ? new Int8Array(bytes.buffer) : new Float32Array(bytes.buffer);
};
