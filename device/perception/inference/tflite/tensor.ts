import type { Pointer } from '../dynamic-library.js';
import { InterpreterError, type TensorData, type TensorSpec } from '../interpreter.js';
import { tensorType, toStoredImage, toTensorData } from '../tensor-data.js';
import type { TfLiteLibrary } from './library.js';

/** A tensor of an interpreter. Valid until the interpreter is deleted. */
export interface Tensor {
  readonly pointer: Pointer;
  readonly spec: TensorSpec;
  readonly bytes: number;
}

/** Reads the description of a tensor. @throws InterpreterError `model-invalid` if its type is not supported */
export const describeTensor = (library: TfLiteLibrary, pointer: Pointer): Tensor => {
  const name = library.tensorName(pointer);
  const type = tensorType(name, library.tensorType(pointer));
  const shape = Array.from({ length: library.tensorRank(pointer) }, (_, index) =>
    library.tensorDimension(pointer, index),
  );
  const { scale, zeroPoint } =
    type === 'float32' ? { scale: 1, zeroPoint: 0 } : library.tensorQuantisation(pointer);
  return { pointer, spec: { name, type, shape, scale, zeroPoint }, bytes: library.tensorByteSize(pointer) };
};

/** Writes an image to the input tensor. @throws InterpreterError `input-invalid` */
export const writeInput = (
  library: TfLiteLibrary,
  { pointer, spec, bytes }: Tensor,
  image: Uint8Array,
): void => {
  const status = library.copyFromBuffer(pointer, toStoredImage(image, spec, bytes), bytes);
  if (status !== 0) {
    throw new InterpreterError('input-invalid', `input ${spec.name}: cannot be written (status ${status})`);
  }
};

/** Returns a copy of a tensor's values. @throws InterpreterError `output-invalid` */
export const readTensor = (library: TfLiteLibrary, { pointer, spec, bytes }: Tensor): TensorData => {
  const copy = new Uint8Array(bytes);
  const status = library.copyToBuffer(pointer, copy, bytes);
  if (status !== 0) {
    throw new InterpreterError('output-invalid', `output ${spec.name}: cannot be read (status ${status})`);
  }
  return toTensorData(copy, spec);
};
