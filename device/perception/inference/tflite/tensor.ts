import { InterpreterError, type TensorData, type TensorSpec } from '../interpreter.js';
import type { Pointer } from '../shared-library.js';
import { storedPicture, tensorData, tensorType } from '../tensor-data.js';
import type { TfLiteLibrary } from './library.js';

/** A tensor of an interpreter; it lives as long as that. */
export interface Tensor {
  readonly pointer: Pointer;
  readonly spec: TensorSpec;
  readonly bytes: number;
}

/** @throws InterpreterError `model-invalid` where its type is none of the served ones */
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

/** @throws InterpreterError `input-invalid` */
export const writePicture = (
  library: TfLiteLibrary,
  { pointer, spec, bytes }: Tensor,
  picture: Uint8Array,
): void => {
  const status = library.copyFromBuffer(pointer, storedPicture(picture, spec, bytes), bytes);
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
  return tensorData(copy, spec);
};
