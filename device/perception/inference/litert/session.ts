import type { Pointer } from '../dynamic-library.js';
import { InterpreterError, type Outputs } from '../interpreter.js';
import { type Out, type Status, statusText } from './calls.js';
import type { LiteRtLibrary } from './library.js';
import { describeTensor, readTensor, type Tensor, writeInput } from './tensor.js';

/** LiteRtErrorReporterMode: keep errors until they are read, instead of writing them to stderr. */
const KEEP_ERRORS = 2;

/** Maximum number of the library's error lines in a message. */
const ERROR_LINES = 8;

/** A compiled model with its buffers, and the cleanup of all of them. No method may be called during a run. */
export class LiteRtSession {
  readonly input: Tensor;
  readonly outputs: readonly Tensor[];
  readonly #library: LiteRtLibrary;
  readonly #environment: Pointer;
  readonly #compiled: Pointer;
  /** Called in reverse order. */
  readonly #cleanup: (() => void)[] = [];

  /** @throws InterpreterError `model-invalid` */
  constructor(library: LiteRtLibrary, bytes: Uint8Array, threads: number) {
    this.#library = library;
    try {
      this.#environment = this.#create(
        'cannot be set up on this machine',
        library.createEnvironment,
        library.destroyEnvironment,
      );
      const model = this.#createModel(bytes);
      this.#compiled = this.#compile(model, threads);
      const signature = this.#create('the model has no signature', (out) => library.signature(model, 0, out));
      this.input = this.#soleInput(signature);
      this.outputs = Array.from({ length: library.outputCount(signature) }, (_, index) =>
        this.#tensor(
          (out) => library.output(signature, index, out),
          (out) => library.outputRequirements(this.#compiled, 0, index, out),
        ),
      );
    } catch (thrown) {
      this.free();
      throw thrown;
    }
  }

  /** @throws InterpreterError `input-invalid` */
  write(image: Uint8Array): void {
    writeInput(this.#library, this.input, image);
  }

  /** @throws InterpreterError `invoke-failed`, `output-invalid` */
  async run(): Promise<Outputs> {
    const outputs = this.outputs.map(({ buffer }) => buffer);
    const status = await this.#library.run(this.#compiled, [this.input.buffer], outputs);
    // The buffers still hold the outputs of the last successful run, which must not be returned for this one.
    if (status !== 0) throw this.#error('invoke-failed', 'the run failed', status);
    return new Map(this.outputs.map((tensor) => [tensor.spec.name, readTensor(this.#library, tensor)]));
  }

  free(): void {
    for (const undo of this.#cleanup.splice(0).reverse()) undo();
  }

  #createModel(bytes: Uint8Array): Pointer {
    return this.#create(
      'the file is not a TensorFlow Lite model',
      (out) => this.#library.createModel(this.#environment, bytes, bytes.length, out),
      (model) => {
        this.#library.destroyModel(model);
        void bytes; // Keeps the bytes alive: the library points into them until here.
      },
    );
  }

  #compile(model: Pointer, threads: number): Pointer {
    const library = this.#library;
    const problem = 'the options were refused';
    const options = this.#create(problem, library.createOptions, library.destroyOptions);
    const reporter = `error_reporter_mode = ${KEEP_ERRORS}\n`;
    this.#check(problem, library.useCpu(options));
    this.#check(problem, library.addOptions(options, 'xnnpack', `num_threads = ${threads}\n`));
    this.#check(problem, library.addOptions(options, 'runtime_options_string', reporter));
    return this.#create(
      'cannot execute the model',
      (out) => library.createCompiledModel(this.#environment, model, options, out),
      library.destroyCompiledModel,
    );
  }

  #soleInput(signature: Pointer): Tensor {
    const library = this.#library;
    const inputs = Array.from({ length: library.inputCount(signature) }, (_, index) =>
      this.#tensor(
        (out) => library.input(signature, index, out),
        (out) => library.inputRequirements(this.#compiled, 0, index, out),
      ),
    );
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

  #tensor(find: (out: Out<Pointer>) => Status, require: (out: Out<Pointer>) => Status): Tensor {
    const { spec, ranked } = describeTensor(
      this.#library,
      this.#create('a tensor of the model was not found', find),
    );
    const problem = `cannot create a buffer for tensor ${spec.name}`;
    const requirements = this.#create(problem, require);
    const buffer = this.#create(
      problem,
      (out) => this.#library.createBuffer(this.#environment, ranked, requirements, out),
      this.#library.destroyBuffer,
    );
    return { buffer, spec, bytes: this.#library.bufferBytes(buffer) };
  }

  /** Returns the object that a call creates. If the caller owns the object, `destroy` frees it during cleanup. */
  #create(
    problem: string,
    call: (out: Out<Pointer>) => Status,
    destroy?: (object: Pointer) => void,
  ): Pointer {
    const out: Out<Pointer> = [null];
    this.#check(problem, call(out));
    const [object] = out;
    if (destroy) this.#cleanup.push(() => destroy(object));
    return object;
  }

  #check(problem: string, status: Status): void {
    if (status !== 0) throw this.#error('model-invalid', problem, status);
  }

  #error(code: InterpreterError['code'], problem: string, status?: Status): InterpreterError {
    const reason = status === undefined ? '' : ` (${statusText(status)})`;
    const reported = this.#compiled ? this.#library.takeErrors(this.#compiled) : '';
    const lines = reported.split('\n').flatMap((line) => line.trim() || []);
    const details = lines.length > 0 ? `: ${lines.slice(0, ERROR_LINES).join(' / ')}` : '';
    return new InterpreterError(code, `LiteRT ${this.#library.version}: ${problem}${reason}${details}`);
  }
}
