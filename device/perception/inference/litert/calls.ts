import type { Pointer } from '../dynamic-library.js';

/** LiteRtStatus of litert/c/litert_common.h. 0 is success. */
export type Status = number;

/** Receives a result from C, in an array of length 1. */
export type Out<T> = [T | null];

/** A function that writes a pointer to its result to the last parameter. */
export type FunctionWithResult<Parameters extends unknown[]> = (
  ...parameters: [...Parameters, result: Out<Pointer>]
) => Status;

/** Declares a function of the library from its C prototype. */
export type Declare = <F>(prototype: string) => F;

/** The C struct LiteRtRankedTensorType. */
export interface RankedTensorType {
  readonly elementType: number;
  /** Bits 0 to 6: rank. Bit 7: whether there are strides. */
  readonly bits: number;
  readonly dimensions: ArrayLike<number>;
  readonly strides: ArrayLike<number>;
}

const STATUSES: Readonly<Record<Status, string>> = {
  1: 'invalid argument',
  2: 'memory allocation failure',
  3: 'runtime failure',
  4: 'missing input tensor',
  5: 'unsupported',
  6: 'not found',
  8: 'wrong version',
  500: 'file I/O',
  501: 'invalid flatbuffer',
  502: 'dynamic loading',
  504: 'compilation',
};

/** Returns a text such as `status 501: invalid flatbuffer`. */
export const statusText = (status: Status): string => {
  const meaning = STATUSES[status];
  return meaning === undefined ? `status ${status}` : `status ${status}: ${meaning}`;
};
