import koffi, { type TypeObject } from 'koffi';
import { openLibrary, type Pointer } from '../dynamic-library.js';
import { NativeError } from '../native.js';

/**
 * The functions of the TensorFlow Lite C library that sortbin uses. Source: tensorflow/lite/c/c_api.h of version 2.9.
 */
export interface TfLiteLibrary {
  readonly version: string;
  /** The library points into `bytes`. Keep a reference to them until the model is deleted. */
  modelCreate(bytes: Uint8Array, length: number): Pointer;
  modelDelete(model: Pointer): void;
  optionsCreate(): Pointer;
  optionsDelete(options: Pointer): void;
  optionsSetNumThreads(options: Pointer, threads: number): void;
  optionsAddDelegate(options: Pointer, delegate: Pointer): void;
  /** Calls `report`, which must not throw, with each error text. Returns a function that stops the reports. */
  optionsReportTo(options: Pointer, report: (line: string) => void): () => void;
  interpreterCreate(model: Pointer, options: Pointer): Pointer;
  interpreterDelete(interpreter: Pointer): void;
  /** Returns a status, as do the functions below. 0 is success. */
  allocateTensors(interpreter: Pointer): number;
  /** Runs on a thread of Node's thread pool. */
  invoke(interpreter: Pointer): Promise<number>;
  inputCount(interpreter: Pointer): number;
  input(interpreter: Pointer, index: number): Pointer;
  outputCount(interpreter: Pointer): number;
  output(interpreter: Pointer, index: number): Pointer;
  tensorName(tensor: Pointer): string;
  tensorType(tensor: Pointer): number;
  tensorRank(tensor: Pointer): number;
  tensorDimension(tensor: Pointer, index: number): number;
  tensorByteSize(tensor: Pointer): number;
  tensorQuantisation(tensor: Pointer): { scale: number; zeroPoint: number };
  copyFromBuffer(tensor: Pointer, bytes: Uint8Array, length: number): number;
  copyToBuffer(tensor: Pointer, bytes: Uint8Array, length: number): number;
  /** Creates XNNPACK with its int8 and uint8 kernels, which version 2.9 disables by default. */
  xnnpackCreate(threads: number): Pointer;
  xnnpackDelete(delegate: Pointer): void;
}

// koffi keeps types for the lifetime of the process. They must be declared once, not at each load.
const pointer = 'void *';
const quantisation = koffi.struct('TfLiteQuantizationParams', { scale: 'float', zeroPoint: 'int32' });
/** The layout of version 2.9: 8 bytes, returned in a register. Later versions differ. */
const xnnpackOptions = koffi.struct('TfLiteXNNPackDelegateOptions', { threads: 'int32', flags: 'uint32' });
const reporter = koffi.pointer(
  koffi.proto('TfLiteErrorReporter', 'void', [pointer, 'const char *', pointer]),
);

/** The declarations match this version. Structs of other versions would be read incorrectly. */
const SUPPORTED = /^2\.9\./;

/** TFLITE_XNNPACK_DELEGATE_FLAG_QS8 and _QU8. */
const XNNPACK_QUANTISED = 1 | 2;

const REPORT_BYTES = 512;

/** Loads a TensorFlow Lite C library of version 2.9. @throws NativeError */
export const loadTfLite = (path: string): TfLiteLibrary => {
  const library = openLibrary(path);
  const declare = <F>(name: string, result: string | TypeObject, ...parameters: (string | TypeObject)[]): F =>
    library.func(`TfLite${name}`, result, parameters) as unknown as F;

  const version = declare<() => string>('Version', 'const char *')();
  if (!SUPPORTED.test(version)) {
    throw new NativeError(
      'native-unsupported',
      `${path}: TensorFlow Lite ${version}, but only version 2.9 is supported. Configure a library of that version, or none.`,
    );
  }

  const xnnpackDefaults = declare<() => { threads: number; flags: number }>(
    'XNNPackDelegateOptionsDefault',
    xnnpackOptions,
  );
  const xnnpackCreate = declare<(options: { threads: number; flags: number }) => Pointer>(
    'XNNPackDelegateCreate',
    pointer,
    koffi.pointer(xnnpackOptions),
  );
  const setReporter = declare<(options: Pointer, callback: bigint, user: Pointer) => void>(
    'InterpreterOptionsSetErrorReporter',
    'void',
    pointer,
    reporter,
    pointer,
  );
  const byteSize = declare<(tensor: Pointer) => number | bigint>('TensorByteSize', 'size_t', pointer);
  const invoke = library.func('TfLiteInterpreterInvoke', 'int', [pointer]);
  const format = formatter();

  return {
    version,
    modelCreate: declare('ModelCreate', pointer, pointer, 'size_t'),
    modelDelete: declare('ModelDelete', 'void', pointer),
    optionsCreate: declare('InterpreterOptionsCreate', pointer),
    optionsDelete: declare('InterpreterOptionsDelete', 'void', pointer),
    optionsSetNumThreads: declare('InterpreterOptionsSetNumThreads', 'void', pointer, 'int32'),
    optionsAddDelegate: declare('InterpreterOptionsAddDelegate', 'void', pointer, pointer),
    optionsReportTo: (options, report) => {
      const callback = koffi.register(
        (_user: unknown, text: string, values: Pointer) => report(format(text, values)),
        reporter,
      );
      setReporter(options, callback, null);
      return () => koffi.unregister(callback);
    },
    interpreterCreate: declare('InterpreterCreate', pointer, pointer, pointer),
    interpreterDelete: declare('InterpreterDelete', 'void', pointer),
    allocateTensors: declare('InterpreterAllocateTensors', 'int', pointer),
    invoke: (interpreter) =>
      new Promise((resolve, reject) => {
        invoke.async(interpreter, (error: unknown, status: number) =>
          error ? reject(error) : resolve(status),
        );
      }),
    inputCount: declare('InterpreterGetInputTensorCount', 'int32', pointer),
    input: declare('InterpreterGetInputTensor', pointer, pointer, 'int32'),
    outputCount: declare('InterpreterGetOutputTensorCount', 'int32', pointer),
    output: declare('InterpreterGetOutputTensor', pointer, pointer, 'int32'),
    tensorName: declare('TensorName', 'const char *', pointer),
    tensorType: declare('TensorType', 'int', pointer),
    tensorRank: declare('TensorNumDims', 'int32', pointer),
    tensorDimension: declare('TensorDim', 'int32', pointer, 'int32'),
    tensorByteSize: (tensor) => Number(byteSize(tensor)),
    tensorQuantisation: declare('TensorQuantizationParams', quantisation, pointer),
    copyFromBuffer: declare('TensorCopyFromBuffer', 'int', pointer, pointer, 'size_t'),
    copyToBuffer: declare('TensorCopyToBuffer', 'int', pointer, pointer, 'size_t'),
    xnnpackCreate: (threads) => {
      const defaults = xnnpackDefaults();
      return xnnpackCreate({ threads, flags: defaults.flags | XNNPACK_QUANTISED });
    },
    xnnpackDelete: declare('XNNPackDelegateDelete', 'void', pointer),
  };
};

/** Returns a function that formats a C va_list, which is what the reporter receives. */
const formatter = (): ((format: string, values: Pointer) => string) => {
  const print = koffi
    .load('libc.so.6')
    .func('vsnprintf', 'int', [koffi.out(koffi.pointer('uint8')), 'size_t', 'const char *', 'void *']);
  return (format, values) => {
    const text = Buffer.alloc(REPORT_BYTES);
    const length = Number(print(text, REPORT_BYTES, format, values));
    return text.toString('utf8', 0, Math.max(0, Math.min(length, REPORT_BYTES - 1))).trim();
  };
};
