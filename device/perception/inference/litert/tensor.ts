import type { Pointer } from '../dynamic-library.js';
import { InterpreterError, type TensorData, type TensorSpec } from '../interpreter.js';
import { tensorType, toStoredImage, toTensorData } from '../tensor-data.js';
import { type RankedTensorType, statusText } from './calls.js';
import type { LiteRtLibrary } from './library.js';

/** A tensor of a model, with the buffer that runs use. */
export interface Tensor {
  readonly buffer: Pointer;
  readonly spec: TensorSpec;
  readonly bytes: number;
}

const RANK_BITS = 0x7f;

/**
 * Reads the description of a tensor.
 * @throws InterpreterError `model-invalid` if its type or shape is not supported
 */
export const describeTensor = (
  library: LiteRtLibrary,
  tensor: Pointer,
): { spec: TensorSpec; ranked: RankedTensorType } => {
  const name = library.tensorName(tensor);
  const ranked = library.tensorType(tensor);
  const shape = ranked ? Array.from(ranked.dimensions).slice(0, ranked.bits & RANK_BITS) : [];
  if (!ranked || shape.some((size) => size < 0)) {
    throw new InterpreterError(
      'model-invalid',
      `tensor ${name}: the shape is not fixed. Only fixed shapes are supported.`,
    );
  }
  const type = tensorType(name, ranked.elementType);
  const { scale, zeroPoint } =
    type === 'float32' ? { scale: 1, zeroPoint: 0 } : library.tensorQuantisation(tensor);
  return { spec: { name, type, shape, scale, zeroPoint }, ranked };
};

/** Writes an image to the input buffer. @throws InterpreterError `input-invalid` */
export const writeInput = (
  library: LiteRtLibrary,
  { buffer, spec, bytes }: Tensor,
  image: Uint8Array,
): void => {
  const status = library.write(buffer, toStoredImage(image, spec, bytes));
  if (status !== 0) {
    throw new InterpreterError(
      'input-invalid',
      `input ${spec.name}: cannot be written (${statusText(status)})`,
    );
  }
};

/** Returns a copy of a tensor's values. @throws InterpreterError `output-invalid` */
export const readTensor = (library: LiteRtLibrary, { buffer, spec, bytes }: Tensor): TensorData => {
  const copy = new Uint8Array(bytes);
  const status = library.read(buffer, copy);
  if (status !== 0) {
    throw new InterpreterError(
      'output-invalid',
      `output ${spec.name}: cannot be read (${statusText(status)})`,
    );
  }
  return toTensorData(copy, spec);
};
