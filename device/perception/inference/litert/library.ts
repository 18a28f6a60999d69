import koffi from 'koffi';
import type { Pointer } from '../dynamic-library.js';
import { cMemory, exportsSymbol, keepLoaded, openLibrary } from '../dynamic-library.js';
import { NativeError } from '../native.js';
import type { Declare, FunctionWithResult, Out, Status } from './calls.js';
import { type BufferLibrary, bufferLibrary, type TensorLibrary, tensorLibrary } from './tensor-library.js';

/** The functions of libLiteRt that sortbin uses. Source: litert/c of version 2.3. */
export interface LiteRtLibrary extends TensorLibrary, BufferLibrary {
  /** Major and minor version of the library. */
  readonly version: string;
  /** Creates an environment that uses only the CPU and writes no log. */
  createEnvironment(environment: Out<Pointer>): Status;
  destroyEnvironment(environment: Pointer): void;
  /** The library points into `bytes`. Keep a reference to them until the model is destroyed. */
  createModel(environment: Pointer, bytes: Uint8Array, length: number, model: Out<Pointer>): Status;
  destroyModel(model: Pointer): void;
  createOptions(options: Out<Pointer>): Status;
  destroyOptions(options: Pointer): void;
  useCpu(options: Pointer): Status;
  /** Adds a part of the options, in TOML format. */
  addOptions(options: Pointer, part: 'xnnpack' | 'runtime_options_string', toml: string): Status;
  createCompiledModel(environment: Pointer, model: Pointer, options: Pointer, compiled: Out<Pointer>): Status;
  destroyCompiledModel(compiled: Pointer): void;
  /** Returns the errors reported since the last call. Requires the option `error_reporter_mode = 2`. */
  takeErrors(compiled: Pointer): string;
  /** Runs the model's first signature on a thread of Node's thread pool. */
  run(compiled: Pointer, inputs: readonly Pointer[], outputs: readonly Pointer[]): Promise<Status>;
}

/** The declarations match this version. Functions of other versions have other parameters. */
const SUPPORTED = '2.3';
/** The library has no function that returns its version. The exported symbols identify it. */
const SINCE_2_3 = 'LiteRtDispatchGetHooks';
const SINCE_2_4 = 'LiteRtGetRuntimeAbiVersion';

// koffi keeps types for the lifetime of the process. They must be declared once, not at each load.
koffi.struct('LiteRtAny', { type: 'int32', integer: 'int64' });
koffi.struct('LiteRtEnvOption', { tag: 'int32', value: 'LiteRtAny' });

/** Tags and values of litert_environment_options.h, litert_any.h, litert_common.h and litert_logging.h. */
const INTEGER = 2;
const CPU = 1;
const SILENT = 4;
const ENVIRONMENT_OPTIONS = [
  // Otherwise each environment searches the library path for GPU and NPU libraries.
  { tag: 24 /* AutoRegisterAccelerators */, value: { type: INTEGER, integer: CPU } },
  { tag: 25 /* MinLoggerSeverity */, value: { type: INTEGER, integer: SILENT } },
];

/** Loads a LiteRT library of version 2.3. @throws NativeError */
export const loadLiteRt = (path: string): LiteRtLibrary => {
  const library = openLibrary(path);
  keepLoaded(path);
  if (!exportsSymbol(library, SINCE_2_3) || exportsSymbol(library, SINCE_2_4)) {
    throw new NativeError(
      'native-unsupported',
      `${path}: not LiteRT ${SUPPORTED}, the only supported version. Configure a library of that version, or none.`,
    );
  }
  const declare: Declare = <F>(prototype: string) => library.func(prototype) as unknown as F;
  const destroy = (type: string) =>
    declare<(object: Pointer) => void>(`void LiteRtDestroy${type}(void *object)`);
  const memory = cMemory();

  const createEnvironment = declare<FunctionWithResult<[count: number, options: typeof ENVIRONMENT_OPTIONS]>>(
    'int LiteRtCreateEnvironment(int count, LiteRtEnvOption *options, _Out_ void **environment)',
  );
  const setHardware = declare<(options: Pointer, hardware: number) => Status>(
    'int LiteRtSetOptionsHardwareAccelerators(void *options, int hardware)',
  );
  const createPart = declare<FunctionWithResult<[identifier: string, text: Pointer, free: Pointer]>>(
    'int LiteRtCreateOpaqueOptions(const char *identifier, void *text, void *free, _Out_ void **part)',
  );
  const addPart = declare<(options: Pointer, part: Pointer) => Status>(
    'int LiteRtAddOpaqueOptions(void *options, void *part)',
  );
  const getErrors = declare<FunctionWithResult<[compiled: Pointer]>>(
    'int LiteRtCompiledModelGetErrorMessages(void *compiled, _Out_ void **text)',
  );
  const clearErrors = declare<(compiled: Pointer) => Status>(
    'int LiteRtCompiledModelClearErrors(void *compiled)',
  );
  const run = library.func(
    'int LiteRtRunCompiledModel(void *compiled, size_t signature, size_t inputCount, void **inputs, ' +
      'size_t outputCount, void **outputs)',
  );

  return {
    version: SUPPORTED,
    createEnvironment: (environment) =>
      createEnvironment(ENVIRONMENT_OPTIONS.length, ENVIRONMENT_OPTIONS, environment),
    destroyEnvironment: destroy('Environment'),
    createModel: declare(
      'int LiteRtCreateModelFromBuffer(void *environment, void *bytes, size_t length, _Out_ void **model)',
    ),
    destroyModel: destroy('Model'),
    createOptions: declare('int LiteRtCreateOptions(_Out_ void **options)'),
    destroyOptions: destroy('Options'),
    useCpu: (options) => setHardware(options, CPU),
    addOptions: (options, identifier, toml) => {
      const part: Out<Pointer> = [null];
      // The part takes ownership of the text, and the options take ownership of the part.
      const status = createPart(identifier, memory.copyOf(toml), memory.freeAddress, part);
      return status === 0 ? addPart(options, part[0]) : status;
    },
    createCompiledModel: declare(
      'int LiteRtCreateCompiledModel(void *environment, void *model, void *options, _Out_ void **compiled)',
    ),
    destroyCompiledModel: destroy('CompiledModel'),
    takeErrors: (compiled) => {
      const text: Out<Pointer> = [null];
      if (getErrors(compiled, text) !== 0 || !text[0]) return '';
      const errors = koffi.decode(text[0], 'char', -1) as string;
      memory.free(text[0]);
      clearErrors(compiled);
      return errors;
    },
    run: (compiled, inputs, outputs) =>
      new Promise((resolve, reject) => {
        const done = (error: unknown, status: Status) => (error ? reject(error) : resolve(status));
        run.async(compiled, 0, inputs.length, inputs, outputs.length, outputs, done);
      }),
    ...tensorLibrary(declare),
    ...bufferLibrary(declare, destroy('TensorBuffer'), memory),
  };
};
