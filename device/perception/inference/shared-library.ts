import koffi, { type LibraryHandle } from 'koffi';
import { messageOf } from '../../kit/errors.js';
import { NativeError } from './native.js';

/** A C pointer; null is C's. */
export type Pointer = bigint | null;

/** @throws NativeError `native-damaged` */
export const openLibrary = (path: string): LibraryHandle => {
  try {
    return koffi.load(path);
  } catch (cause) {
    throw new NativeError(
      'native-damaged',
      `${path} cannot be loaded (${messageOf(cause)}); check the file and that it is for ${process.arch}`,
      { cause },
    );
  }
};

/** RTLD_LAZY | RTLD_NODELETE of Linux' dlfcn.h. */
const FOR_GOOD = 0x0001 | 0x1000;

/**
 * Keeps a library loaded until the process ends. koffi unloads what is no longer referred to; a library that has
 * registered exit handlers then crashes the process at its end.
 */
export const keepLoaded = (path: string): void => {
  const open = koffi.load(null).func('void *dlopen(const char *path, int flags)');
  open(path, FOR_GOOD);
};

export const exportsSymbol = (library: LibraryHandle, name: string): boolean => {
  try {
    library.symbol(name);
    return true;
  } catch {
    return false;
  }
};

/** C's memory, where a library hands over addresses. */
export interface Memory {
  /** A copy that C owns from now on; `free` at `freeAddress` ends it. */
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
