import { InterpreterError, type TensorData, type TensorSpec, type TensorType } from './interpreter.js';

/** TfLiteType of tensorflow/lite/c/c_api_types.h, and LiteRtElementType, which has the same numbers. */
const TYPES: ReadonlyMap<number, TensorType> = new Map([
  [1, 'float32'],
  [3, 'uint8'],
  [9, 'int8'],
]);

/** @throws InterpreterError `model-invalid` where the type is none of the served ones */
export const tensorType = (name: string, code: number): TensorType => {
  const type = TYPES.get(code);
  if (type) return type;
  const served = [...TYPES.values()].join(', ');
  throw new InterpreterError('model-invalid', `tensor ${name} has TfLiteType ${code}; served are ${served}`);
};

/** A picture's bytes as an input of `bytes` stores them. @throws InterpreterError `input-invalid` */
export const storedPicture = (
  picture: Uint8Array,
  { type, shape }: TensorSpec,
  bytes: number,
): Uint8Array => {
  if (picture.length !== bytes) {
    throw new InterpreterError(
      'input-invalid',
      `the input has ${picture.length} bytes; the model takes ${bytes} (${shape.join(' x ')})`,
    );
  }
  // An int8 input is the same picture, 128 lower.
  return type === 'int8' ? picture.map((value) => value ^ 0x80) : picture;
};

/** A tensor's bytes, which begin their own buffer, as its values. */
export const tensorData = (bytes: Uint8Array<ArrayBuffer>, { type }: TensorSpec): TensorData => {
  if (type === 'uint8') return bytes;
  return type === 'int8' ? new Int8Array(bytes.buffer) : new Float32Array(bytes.buffer);
};
