import koffi, { type LibraryHandle } from 'koffi';
import { messageOf } from '../../kit/errors.js';
import { NativeError } from './native.js';

/** A C pointer; null is C's NULL. */
export type Pointer = bigint | null;

/** Loads a shared library. @throws NativeError `native-damaged` if it cannot be loaded */
export const openLibrary = (path: string): LibraryHandle => {
  try {
    return koffi.load(path);
  } catch (cause) {
    throw new NativeError(
      'native-damaged',
      `${path}: cannot be loaded (${messageOf(cause)}). Check that the file is a library for ${process.arch}.`,
      { cause },
    );
  }
};

/** RTLD_LAZY | RTLD_NODELETE of dlfcn.h on Linux. */
const KEEP_LOADED = 0x0001 | 0x1000;

/**
 * Keeps a library loaded until the process exits. koffi unloads a library that is no longer referenced. If that
 * library has registered exit handlers, the process then crashes when it exits.
 */
export const keepLoaded = (path: string): void => {
  const open = koffi.load(null).func('void *dlopen(const char *path, int flags)');
  open(path, KEEP_LOADED);
};

export const exportsSymbol = (library: LibraryHandle, name: string): boolean => {
  try {
    library.symbol(name);
    return true;
  } catch {
    return false;
  }
};

/** Functions on C memory, for libraries that return addresses. */
export interface Memory {
  /** Copies a text to memory that C owns. The owner frees it with the function at `freeAddress`. */
  copyOf(text: string): Pointer;
  readonly freeAddress: Pointer;
  free(memory: Pointer): void;
  copyTo(to: Pointer, from: Uint8Array, bytes: number): void;
  copyFrom(to: Uint8Array, from: Pointer, bytes: number): void;
}

export const cMemory = (): Memory => {
  const libc = koffi.load('libc.so.6');
  const copy = libc.func('void *memcpy(void *to, const void *from, size_t bytes)');
  return {
    copyOf: libc.func('void *strdup(const char *text)') as unknown as Memory['copyOf'],
    freeAddress: libc.symbol('free') as Pointer,
    free: libc.func('void free(void *memory)') as unknown as Memory['free'],
    copyTo: copy as unknown as Memory['copyTo'],
    copyFrom: copy as unknown as Memory['copyFrom'],
  };
};
