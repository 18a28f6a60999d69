import koffi from 'koffi';
import type { Memory, Pointer } from '../dynamic-library.js';
import type { Declare, FunctionWithResult, Out, RankedTensorType, Status } from './calls.js';

/** Functions that describe the tensors of a model. */
export interface TensorLibrary {
  signature(model: Pointer, index: 0, signature: Out<Pointer>): Status;
  inputCount(signature: Pointer): number;
  input(signature: Pointer, index: number, tensor: Out<Pointer>): Status;
  outputCount(signature: Pointer): number;
  output(signature: Pointer, index: number, tensor: Out<Pointer>): Status;
  tensorName(tensor: Pointer): string;
  /** Returns null if the rank of the tensor is not fixed. */
  tensorType(tensor: Pointer): RankedTensorType | null;
  /** Returns a scale of 0 if the tensor has no scale or has one scale per channel. */
  tensorQuantisation(tensor: Pointer): { scale: number; zeroPoint: number };
}

/** Functions on the buffers that a run reads from and writes to. */
export interface BufferLibrary {
  /** Returns the requirements for the buffer of an input. The compiled model owns the result. */
  inputRequirements(compiled: Pointer, signature: 0, index: number, requirements: Out<Pointer>): Status;
  outputRequirements(compiled: Pointer, signature: 0, index: number, requirements: Out<Pointer>): Status;
  createBuffer(
    environment: Pointer,
    type: RankedTensorType,
    requirements: Pointer,
    buffer: Out<Pointer>,
  ): Status;
  destroyBuffer(buffer: Pointer): void;
  bufferBytes(buffer: Pointer): number;
  /** Copies all of `bytes` into a buffer of at least that size. */
  write(buffer: Pointer, bytes: Uint8Array): Status;
  /** Fills all of `bytes` from a buffer of at least that size. */
  read(buffer: Pointer, bytes: Uint8Array): Status;
}

// koffi keeps types for the lifetime of the process. They must be declared once, not at each load.
koffi.struct('LiteRtRankedTensorType', {
  elementType: 'int32',
  bits: 'uint32',
  dimensions: koffi.array('int32', 8),
  strides: koffi.array('uint32', 8),
});
koffi.struct('LiteRtQuantizationPerTensor', { scale: 'float', zeroPoint: 'int64' });

const LOCK_TO_READ = 0;
const LOCK_TO_WRITE = 1;

export const tensorLibrary = (declare: Declare): TensorLibrary => {
  const getName = declare<(tensor: Pointer, name: Out<string>) => Status>(
    'int LiteRtGetTensorName(void *tensor, _Out_ const char **name)',
  );
  const getType = declare<(tensor: Pointer, type: Partial<RankedTensorType>) => Status>(
    'int LiteRtGetRankedTensorType(void *tensor, _Out_ LiteRtRankedTensorType *type)',
  );
  const getQuantisation = declare<(tensor: Pointer, found: Quantisation) => Status>(
    'int LiteRtGetPerTensorQuantization(void *tensor, _Out_ LiteRtQuantizationPerTensor *found)',
  );
  const ofSignature = (direction: 'Input' | 'Output') =>
    declare<FunctionWithResult<[signature: Pointer, index: number]>>(
      `int LiteRtGetSignature${direction}TensorByIndex(void *signature, size_t index, _Out_ void **tensor)`,
    );
  return {
    signature: declare('int LiteRtGetModelSignature(void *model, size_t index, _Out_ void **signature)'),
    inputCount: count(declare, 'NumSignatureInputs'),
    input: ofSignature('Input'),
    outputCount: count(declare, 'NumSignatureOutputs'),
    output: ofSignature('Output'),
    tensorName: (tensor) => {
      const name: Out<string> = [null];
      return getName(tensor, name) === 0 ? (name[0] ?? '') : '';
    },
    tensorType: (tensor) => {
      const type: Partial<RankedTensorType> = {};
      return getType(tensor, type) === 0 ? (type as RankedTensorType) : null;
    },
    tensorQuantisation: (tensor) => {
      const found: Quantisation = {};
      const { scale = 0, zeroPoint = 0 } = getQuantisation(tensor, found) === 0 ? found : {};
      return { scale, zeroPoint: Number(zeroPoint) };
    },
  };
};

interface Quantisation {
  readonly scale?: number;
  readonly zeroPoint?: number | bigint;
}

export const bufferLibrary = (
  declare: Declare,
  destroyBuffer: BufferLibrary['destroyBuffer'],
  memory: Memory,
): BufferLibrary => {
  const requirements = (direction: 'Input' | 'Output') =>
    declare<FunctionWithResult<[compiled: Pointer, signature: 0, index: number]>>(
      `int LiteRtGetCompiledModel${direction}BufferRequirements(void *compiled, size_t signature, size_t index, ` +
        '_Out_ void **requirements)',
    );
  const lock = declare<(buffer: Pointer, address: Out<Pointer>, mode: number) => Status>(
    'int LiteRtLockTensorBuffer(void *buffer, _Out_ void **address, int mode)',
  );
  const unlock = declare<(buffer: Pointer) => Status>('int LiteRtUnlockTensorBuffer(void *buffer)');
  const withMemory = (buffer: Pointer, mode: number, use: (address: Pointer) => void): Status => {
    const address: Out<Pointer> = [null];
    const status = lock(buffer, address, mode);
    if (status !== 0) return status;
    use(address[0]);
    return unlock(buffer);
  };
  return {
    inputRequirements: requirements('Input'),
    outputRequirements: requirements('Output'),
    createBuffer: declare(
      'int LiteRtCreateManagedTensorBufferFromRequirements(void *environment, LiteRtRankedTensorType *type, ' +
        'void *requirements, _Out_ void **buffer)',
    ),
    destroyBuffer,
    bufferBytes: count(declare, 'TensorBufferPackedSize'),
    write: (buffer, bytes) =>
      withMemory(buffer, LOCK_TO_WRITE, (address) => memory.copyTo(address, bytes, bytes.length)),
    read: (buffer, bytes) =>
      withMemory(buffer, LOCK_TO_READ, (address) => memory.copyFrom(bytes, address, bytes.length)),
  };
};

/** Declares a function that returns a number, or 0 if the call fails. */
const count = (declare: Declare, name: string): ((object: Pointer) => number) => {
  const get = declare<(object: Pointer, count: Out<number | bigint>) => Status>(
    `int LiteRtGet${name}(void *object, _Out_ size_t *count)`,
  );
  return (object) => {
    const result: Out<number | bigint> = [0];
    return get(object, result) === 0 ? Number(result[0]) : 0;
  };
};
