import type { Pointer } from '../dynamic-library.js';
import { type Interpreter, InterpreterError, type Outputs, type TensorSpec } from '../interpreter.js';
import { loadTfLite, type TfLiteLibrary } from './library.js';
import { describeTensor, readTensor, type Tensor, writeInput } from './tensor.js';

export interface TfLiteOptions {
  /** Path of the library, from `findLibrary`. */
  readonly library: string;
  /** Bytes of a .tflite file. They must not change while the interpreter is open. */
  readonly model: Uint8Array;
  /**
   * At most the number of cores - 1. With a thread on every core, version 2.9 slows down sharply when another process
   * runs.
   */
  readonly threads: number;
  /** `auto`: XNNPACK, or the builtin kernels if it refuses the model. `builtin`: only the builtin kernels. */
  readonly kernels?: 'auto' | 'builtin';
  /** Used instead of XNNPACK. Destroyed with the interpreter, or if the interpreter cannot be opened. */
  readonly delegate?: Delegate;
}

/** A delegate for an accelerator. */
export interface Delegate {
  readonly pointer: Pointer;
  /** The value of `Interpreter.backend`. */
  readonly backend: string;
  destroy(): void;
}

/**
 * Opens a quantised model with the TensorFlow Lite C library. XNNPACK refuses some models, for example older uint8
 * models. The builtin kernels then execute them.
 * @throws InterpreterError `model-invalid`, NativeError
 */
export const openTfLite = (options: TfLiteOptions): Interpreter => {
  const { delegate } = options;
  if (delegate) return new TfLite(loadLibraryFor(delegate, options.library), options, delegate.backend, []);
  const library = loadTfLite(options.library);
  const version = library.version.split('.').slice(0, 2).join('.');
  const builtin = `builtin-${version}`;
  if (options.kernels === 'builtin') return new TfLite(library, options, builtin, []);
  const xnnpack = `xnnpack-${version}`;
  try {
    return new TfLite(library, options, xnnpack, []);
  } catch (thrown) {
    if (!(thrown instanceof XnnpackRefused)) throw thrown;
    return new TfLite(library, options, builtin, [{ runtime: xnnpack, why: thrown.message }]);
  }
};

const loadLibraryFor = (delegate: Delegate, path: string): TfLiteLibrary => {
  try {
    return loadTfLite(path);
  } catch (thrown) {
    delegate.destroy();
    throw thrown;
  }
};

class XnnpackRefused extends InterpreterError {}

/** Maximum number of the library's error lines in a message. */
const REPORTED_LINES = 8;

class TfLite implements Interpreter {
  readonly threads: number;
  readonly input: TensorSpec;
  readonly outputs: ReadonlyMap<string, TensorSpec>;
  readonly #library: TfLiteLibrary;
  readonly #interpreter: Pointer;
  readonly #input: Tensor;
  readonly #outputs: readonly Tensor[];
  /** Called in reverse order. */
  readonly #cleanup: (() => void)[] = [];
  #reported: string[] = [];
  #running: Promise<number> | null = null;
  #closed = false;

  constructor(
    library: TfLiteLibrary,
    options: TfLiteOptions,
    readonly backend: string,
    readonly skipped: Interpreter['skipped'],
  ) {
    this.#library = library;
    this.threads = options.threads;
    try {
      this.#interpreter = this.#create(options, backend.startsWith('xnnpack'));
      this.#input = this.#soleInput();
      this.#outputs = this.#tensors(library.outputCount(this.#interpreter), library.output);
    } catch (thrown) {
      this.#free();
      throw thrown;
    }
    this.input = this.#input.spec;
    this.outputs = new Map(this.#outputs.map(({ spec }) => [spec.name, spec]));
  }

  async invoke(input: Uint8Array): Promise<Outputs> {
    if (this.#closed) throw new InterpreterError('interpreter-closed', 'the interpreter is closed');
    if (this.#running) {
      throw new InterpreterError(
        'interpreter-busy',
        'the interpreter is busy. Wait for the run in progress.',
      );
    }
    writeInput(this.#library, this.#input, input);
    this.#reported = [];
    this.#running = this.#library.invoke(this.#interpreter);
    let status: number;
    try {
      status = await this.#running;
    } finally {
      this.#running = null;
    }
    // The tensors still hold the outputs of the last successful run, which must not be returned for this one.
    if (status !== 0) throw this.#error('invoke-failed', `the run failed (status ${status})`);
    return new Map(this.#outputs.map((tensor) => [tensor.spec.name, readTensor(this.#library, tensor)]));
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#running?.catch(() => {});
    this.#free();
  }

  #create({ model: bytes, threads, delegate: accelerator }: TfLiteOptions, xnnpack: boolean): Pointer {
    const library = this.#library;
    // First in, last out: the interpreter uses the delegate until the interpreter is deleted.
    if (accelerator) this.#cleanup.push(() => accelerator.destroy());
    const model = library.modelCreate(bytes, bytes.length);
    if (!model) throw this.#error('model-invalid', 'the file is not a TensorFlow Lite model');
    this.#cleanup.push(() => {
      library.modelDelete(model);
      void bytes; // Keeps the bytes alive: the library points into them until here.
    });

    const options = library.optionsCreate();
    this.#cleanup.push(() => library.optionsDelete(options));
    library.optionsSetNumThreads(options, threads);
    const endReports = library.optionsReportTo(options, (line) => {
      if (this.#reported.length < REPORTED_LINES) this.#reported.push(line);
    });
    this.#cleanup.push(endReports);

    if (accelerator) library.optionsAddDelegate(options, accelerator.pointer);
    if (xnnpack) {
      const delegate = library.xnnpackCreate(threads);
      if (!delegate) throw new XnnpackRefused('model-invalid', 'XNNPACK cannot be set up on this machine');
      this.#cleanup.push(() => library.xnnpackDelete(delegate));
      library.optionsAddDelegate(options, delegate);
    }

    const interpreter = library.interpreterCreate(model, options);
    if (!interpreter) {
      const refused = this.#error('model-invalid', `${this.backend} cannot execute the model`);
      throw xnnpack ? new XnnpackRefused(refused.code, refused.message) : refused;
    }
    this.#cleanup.push(() => library.interpreterDelete(interpreter));
    const status = library.allocateTensors(interpreter);
    if (status !== 0)
      throw this.#error('model-invalid', `the tensors of the model cannot be allocated (status ${status})`);
    return interpreter;
  }

  #soleInput(): Tensor {
    const inputs = this.#tensors(this.#library.inputCount(this.#interpreter), this.#library.input);
    const [input] = inputs;
    if (!input || inputs.length > 1 || input.spec.type === 'float32') {
      const found = inputs.map(({ spec }) => `${spec.name}: ${spec.type}`).join(', ');
      throw this.#error(
        'model-invalid',
        `the model must have exactly one uint8 or int8 input, found ${found || 'none'}`,
      );
    }
    return input;
  }

  #tensors(count: number, at: (interpreter: Pointer, index: number) => Pointer): Tensor[] {
    return Array.from({ length: count }, (_, index) =>
      describeTensor(this.#library, at(this.#interpreter, index)),
    );
  }

  #error(code: InterpreterError['code'], problem: string): InterpreterError {
    const details = this.#reported.length > 0 ? `: ${this.#reported.join(' / ')}` : '';
    return new InterpreterError(code, `TensorFlow Lite ${this.#library.version}: ${problem}${details}`);
  }

  #free(): void {
    for (const undo of this.#cleanup.splice(0).reverse()) undo();
  }
}
