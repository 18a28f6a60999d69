import type { Pointer } from '../shared-library.js';

/** A LiteRtStatus of litert/c/litert_common.h: 0 is success. */
export type Status = number;

/** Where C writes a result: an array of one. */
export type Out<T> = [T | null];

/** A function whose last parameter gets what it makes or finds. */
export type Make<Parameters extends unknown[]> = (
  ...parameters: [...Parameters, made: Out<Pointer>]
) => Status;

/** Declares a function of the library by its C prototype. */
export type Declare = <F>(prototype: string) => F;

/** C's LiteRtRankedTensorType. */
export interface RankedTensorType {
  readonly elementType: number;
  /** The rank in the lowest 7, then whether there are strides. */
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

/** `status 501: invalid flatbuffer` */
export const statusText = (status: Status): string => {
  const meaning = STATUSES[status];
  return meaning === undefined ? `status ${status}` : `status ${status}: ${meaning}`;
};
