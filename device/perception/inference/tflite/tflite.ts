import { type Interpreter, InterpreterError, type Outputs, type TensorSpec } from '../interpreter.js';
import type { Pointer } from '../shared-library.js';
import { loadTfLite, type TfLiteLibrary } from './library.js';
import { describeTensor, readTensor, type Tensor, writePicture } from './tensor.js';

export interface TfLiteOptions {
  /** Path of the library: what `findLibrary` found. */
  readonly library: string;
  /** A .tflite file's bytes; they must not be changed while the interpreter is open. */
  readonly model: Uint8Array;
  /** At most cores - 1: with as many threads as cores, 2.9's pool collapses when another process runs. */
  readonly threads: number;
  /** `auto`: XNNPACK, else the plain kernels; `builtin`: the plain ones at once. */
  readonly kernels?: 'auto' | 'builtin';
  /** In place of XNNPACK. It is destroyed with the interpreter, or when this does not open. */
  readonly delegate?: Delegate;
}

/** An accelerator's delegate. */
export interface Delegate {
  readonly pointer: Pointer;
  /** What it computes on. */
  readonly backend: string;
  destroy(): void;
}

/**
 * Opens a quantised model with the TensorFlow Lite C library.
 * @throws InterpreterError `model-invalid`, NativeError
 */
export const openTfLite = (options: TfLiteOptions): Interpreter => {
  const { delegate } = options;
  if (delegate) return new TfLite(loadFor(delegate, options.library), options, delegate.backend, []);
  const library = loadTfLite(options.library);
  const line = library.version.split('.').slice(0, 2).join('.');
  const builtin = `builtin-${line}`;
  if (options.kernels === 'builtin') return new TfLite(library, options, builtin, []);
  const xnnpack = `xnnpack-${line}`;
  try {
    return new TfLite(library, options, xnnpack, []);
  } catch (thrown) {
    if (!(thrown instanceof XnnpackRefused)) throw thrown;
    return new TfLite(library, options, builtin, [{ runtime: xnnpack, why: thrown.message }]);
  }
};

const loadFor = (delegate: Delegate, path: string): TfLiteLibrary => {
  try {
    return loadTfLite(path);
  } catch (thrown) {
    delegate.destroy();
    throw thrown;
  }
};

/** XNNPACK does not take every model: older uint8 ones need the plain kernels. */
class XnnpackRefused extends InterpreterError {}

/** How many lines of the library's own errors are kept for a message. */
const REPORTED_LINES = 8;

class TfLite implements Interpreter {
  readonly threads: number;
  readonly input: TensorSpec;
  readonly outputs: ReadonlyMap<string, TensorSpec>;
  readonly #library: TfLiteLibrary;
  readonly #interpreter: Pointer;
  readonly #input: Tensor;
  readonly #outputs: readonly Tensor[];
  /** Called from the last to the first. */
  readonly #cleanup: (() => void)[] = [];
  #reported: string[] = [];
  #running: Promise<number> | null = null;
  #closed = false;

  constructor(
    library: TfLiteLibrary,
    options: TfLiteOptions,
    readonly backend: string,
    readonly passedOver: Interpreter['passedOver'],
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
      throw new InterpreterError('interpreter-busy', 'the interpreter runs already; one call at a time');
    }
    writePicture(this.#library, this.#input, input);
    this.#reported = [];
    this.#running = this.#library.invoke(this.#interpreter);
    let status: number;
    try {
      status = await this.#running;
    } finally {
      this.#running = null;
    }
    // The tensors still hold the last good answer: it must not pass for this one's.
    if (status !== 0) throw this.#error('invoke-failed', `the run failed (status ${status})`);
    return new Map(this.#outputs.map((tensor) => [tensor.spec.name, readTensor(this.#library, tensor)]));
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#running?.catch(() => {});
    this.#free();
  }

  #create({ model: bytes, threads, delegate: given }: TfLiteOptions, xnnpack: boolean): Pointer {
    const library = this.#library;
    // First in, last out: the interpreter uses it until it is deleted.
    if (given) this.#cleanup.push(() => given.destroy());
    const model = library.modelCreate(bytes, bytes.length);
    if (!model) throw this.#error('model-invalid', 'the file is not a TensorFlow Lite model');
    this.#cleanup.push(() => {
      library.modelDelete(model);
      void bytes; // until here the library points into it
    });

    const options = library.optionsCreate();
    this.#cleanup.push(() => library.optionsDelete(options));
    library.optionsSetNumThreads(options, threads);
    const endReports = library.optionsReportTo(options, (line) => {
      if (this.#reported.length < REPORTED_LINES) this.#reported.push(line);
    });
    this.#cleanup.push(endReports);

    if (given) library.optionsAddDelegate(options, given.pointer);
    if (xnnpack) {
      const delegate = library.xnnpackCreate(threads);
      if (!delegate) throw new XnnpackRefused('model-invalid', 'XNNPACK cannot be set up on this machine');
      this.#cleanup.push(() => library.xnnpackDelete(delegate));
      library.optionsAddDelegate(options, delegate);
    }

    const interpreter = library.interpreterCreate(model, options);
    if (!interpreter) {
      const refused = this.#error('model-invalid', `${this.backend} does not take the model`);
      throw xnnpack ? new XnnpackRefused(refused.code, refused.message) : refused;
    }
    this.#cleanup.push(() => library.interpreterDelete(interpreter));
    const status = library.allocateTensors(interpreter);
    if (status !== 0)
      throw this.#error('model-invalid', `its tensors cannot be allocated (status ${status})`);
    return interpreter;
  }

  #soleInput(): Tensor {
    const inputs = this.#tensors(this.#library.inputCount(this.#interpreter), this.#library.input);
    const [input] = inputs;
    if (!input || inputs.length > 1 || input.spec.type === 'float32') {
      const found = inputs.map(({ spec }) => `${spec.name}: ${spec.type}`).join(', ');
      throw this.#error('model-invalid', `its inputs are ${found}; served is one, uint8 or int8`);
    }
    return input;
  }

  #tensors(count: number, at: (interpreter: Pointer, index: number) => Pointer): Tensor[] {
    return Array.from({ length: count }, (_, index) =>
      describeTensor(this.#library, at(this.#interpreter, index)),
    );
  }

  #error(code: InterpreterError['code'], what: string): InterpreterError {
    const said = this.#reported.length > 0 ? `: ${this.#reported.join(' / ')}` : '';
    return new InterpreterError(code, `TensorFlow Lite ${this.#library.version}: ${what}${said}`);
  }

  #free(): void {
    for (const undo of this.#cleanup.splice(0).reverse()) undo();
  }
}
