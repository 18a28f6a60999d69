import { InterpreterError, type TensorData, type TensorSpec, type TensorType } from './interpreter.js';
import type { Pointer, TfLiteLibrary } from './tflite-library.js';

/** A tensor of an interpreter; it lives as long as that. */
export interface Tensor {
  readonly pointer: Pointer;
  readonly spec: TensorSpec;
  readonly bytes: number;
}

/** TfLiteType of tensorflow/lite/c/c_api_types.h. */
const TYPES: ReadonlyMap<number, TensorType> = new Map([
  [1, 'float32'],
  [3, 'uint8'],
  [9, 'int8'],
]);

/** @throws InterpreterError `model-invalid` where its type is none of the served ones */
export const describeTensor = (library: TfLiteLibrary, pointer: Pointer): Tensor => {
  const name = library.tensorName(pointer);
  const code = library.tensorType(pointer);
  const type = TYPES.get(code);
  if (!type) {
    const served = [...TYPES.values()].join(', ');
    throw new InterpreterError(
      'model-invalid',
      `tensor ${name} has TfLiteType ${code}; served are ${served}`,
    );
  }
  const shape = Array.from({ length: library.tensorRank(pointer) }, (_, index) =>
    library.tensorDimension(pointer, index),
  );
  const { scale, zeroPoint } =
    type === 'float32' ? { scale: 1, zeroPoint: 0 } : library.tensorQuantisation(pointer);
  return { pointer, spec: { name, type, shape, scale, zeroPoint }, bytes: library.tensorByteSize(pointer) };
};

/** @throws InterpreterError `input-invalid` */
export const writePicture = (
  library: TfLiteLibrary,
  { pointer, spec, bytes }: Tensor,
  picture: Uint8Array,
): void => {
  if (picture.length !== bytes) {
    throw new InterpreterError(
      'input-invalid',
      `the input has ${picture.length} bytes; the model takes ${bytes} (${spec.shape.join(' x ')})`,
    );
  }
  // An int8 input is the same picture, 128 lower.
  const stored = spec.type === 'int8' ? picture.map((value) => value ^ 0x80) : picture;
  const status = library.copyFromBuffer(pointer, stored, bytes);
  if (status !== 0) {
    throw new InterpreterError('input-invalid', `the input was not taken (status ${status})`);
  }
};

/** A copy of a tensor's values. @throws InterpreterError `output-invalid` */
export const readTensor = (library: TfLiteLibrary, { pointer, spec, bytes }: Tensor): TensorData => {
  const copy = new Uint8Array(bytes);
  const status = library.copyToBuffer(pointer, copy, bytes);
  if (status !== 0) {
    throw new InterpreterError('output-invalid', `output ${spec.name} cannot be read (status ${status})`);
  }
  if (spec.type === 'uint8') return copy;
  return spec.type === 'int8' ? new Int8Array(copy.buffer) : new Float32Array(copy.buffer);
};
