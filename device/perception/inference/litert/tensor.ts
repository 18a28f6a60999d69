import { InterpreterError, type TensorData, type TensorSpec } from '../interpreter.js';
import type { Pointer } from '../shared-library.js';
import { storedPicture, tensorData, tensorType } from '../tensor-data.js';
import { type RankedTensorType, statusText } from './calls.js';
import type { LiteRtLibrary } from './library.js';

/** A tensor of a model, and the buffer that its runs use. */
export interface Tensor {
  readonly buffer: Pointer;
  readonly spec: TensorSpec;
  readonly bytes: number;
}

const RANK_BITS = 0x7f;

/** @throws InterpreterError `model-invalid` where its type or shape is none of the served ones */
export const describeTensor = (
  library: LiteRtLibrary,
  tensor: Pointer,
): { spec: TensorSpec; ranked: RankedTensorType } => {
  const name = library.tensorName(tensor);
  const ranked = library.tensorType(tensor);
  const shape = ranked ? Array.from(ranked.dimensions).slice(0, ranked.bits & RANK_BITS) : [];
  if (!ranked || shape.some((size) => size < 0)) {
    throw new InterpreterError('model-invalid', `tensor ${name} has no fixed shape; served are fixed ones`);
  }
  const type = tensorType(name, ranked.elementType);
  const { scale, zeroPoint } =
    type === 'float32' ? { scale: 1, zeroPoint: 0 } : library.tensorQuantisation(tensor);
  return { spec: { name, type, shape, scale, zeroPoint }, ranked };
};

/** @throws InterpreterError `input-invalid` */
export const writePicture = (
  library: LiteRtLibrary,
  { buffer, spec, bytes }: Tensor,
  picture: Uint8Array,
): void => {
  const status = library.write(buffer, storedPicture(picture, spec, bytes));
  if (status !== 0) {
    throw new InterpreterError('input-invalid', `the input was not taken (${statusText(status)})`);
  }
};

/** A copy of a tensor's values. @throws InterpreterError `output-invalid` */
export const readTensor = (library: LiteRtLibrary, { buffer, spec, bytes }: Tensor): TensorData => {
  const copy = new Uint8Array(bytes);
  const status = library.read(buffer, copy);
  if (status !== 0) {
    throw new InterpreterError(
      'output-invalid',
      `output ${spec.name} cannot be read (${statusText(status)})`,
    );
  }
  return tensorData(copy, spec);
};
