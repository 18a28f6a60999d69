import { InterpreterError, type Outputs } from '../interpreter.js';
import type { Pointer } from '../shared-library.js';
import { type Out, type Status, statusText } from './calls.js';
import type { LiteRtLibrary } from './library.js';
import { describeTensor, readTensor, type Tensor, writePicture } from './tensor.js';

/** LiteRtErrorReporterMode: errors are kept until they are asked for, instead of written to stderr. */
const KEEP_ERRORS = 2;

/** How many lines of the library's own errors are taken into a message. */
const ERROR_LINES = 8;

/** A compiled model with its buffers, and everything that has to be freed. Nothing may be called during a run. */
export class LiteRtSession {
  readonly input: Tensor;
  readonly outputs: readonly Tensor[];
  readonly #library: LiteRtLibrary;
  readonly #environment: Pointer;
  readonly #compiled: Pointer;
  /** Called from the last to the first. */
  readonly #cleanup: (() => void)[] = [];

  /** @throws InterpreterError `model-invalid` */
  constructor(library: LiteRtLibrary, bytes: Uint8Array, threads: number) {
    this.#library = library;
    try {
      this.#environment = this.#make(
        'it cannot be set up on this machine',
        library.createEnvironment,
        library.destroyEnvironment,
      );
      const model = this.#createModel(bytes);
      this.#compiled = this.#compile(model, threads);
      const signature = this.#make('the model has no signature', (out) => library.signature(model, 0, out));
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
  write(picture: Uint8Array): void {
    writePicture(this.#library, this.input, picture);
  }

  /** @throws InterpreterError `invoke-failed`, `output-invalid` */
  async run(): Promise<Outputs> {
    const outputs = this.outputs.map(({ buffer }) => buffer);
    const status = await this.#library.run(this.#compiled, [this.input.buffer], outputs);
    // The buffers still hold the last good answer: it must not pass for this one's.
    if (status !== 0) throw this.#error('invoke-failed', 'the run failed', status);
    return new Map(this.outputs.map((tensor) => [tensor.spec.name, readTensor(this.#library, tensor)]));
  }

  free(): void {
    for (const undo of this.#cleanup.splice(0).reverse()) undo();
  }

  #createModel(bytes: Uint8Array): Pointer {
    return this.#make(
      'the file is not a TensorFlow Lite model',
      (out) => this.#library.createModel(this.#environment, bytes, bytes.length, out),
      (model) => {
        this.#library.destroyModel(model);
        void bytes; // until here the library points into it
      },
    );
  }

  #compile(model: Pointer, threads: number): Pointer {
    const library = this.#library;
    const refused = 'its options are not taken';
    const options = this.#make(refused, library.createOptions, library.destroyOptions);
    const reporter = `error_reporter_mode = ${KEEP_ERRORS}\n`;
    this.#check(refused, library.useCpu(options));
    this.#check(refused, library.addOptions(options, 'xnnpack', `num_threads = ${threads}\n`));
    this.#check(refused, library.addOptions(options, 'runtime_options_string', reporter));
    return this.#make(
      'it does not take the model',
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
      throw this.#error('model-invalid', `its inputs are ${found}; served is one, uint8 or int8`);
    }
    return input;
  }

  #tensor(find: (out: Out<Pointer>) => Status, require: (out: Out<Pointer>) => Status): Tensor {
    const { spec, ranked } = describeTensor(this.#library, this.#make('it does not find a tensor', find));
    const refused = `it makes no buffer for tensor ${spec.name}`;
    const requirements = this.#make(refused, require);
    const buffer = this.#make(
      refused,
      (out) => this.#library.createBuffer(this.#environment, ranked, requirements, out),
      this.#library.destroyBuffer,
    );
    return { buffer, spec, bytes: this.#library.bufferBytes(buffer) };
  }

  /** What a call makes; where it is ours, `destroy` frees it in the end. */
  #make(refused: string, call: (out: Out<Pointer>) => Status, destroy?: (made: Pointer) => void): Pointer {
    const out: Out<Pointer> = [null];
    this.#check(refused, call(out));
    const [made] = out;
    if (destroy) this.#cleanup.push(() => destroy(made));
    return made;
  }

  #check(refused: string, status: Status): void {
    if (status !== 0) throw this.#error('model-invalid', refused, status);
  }

  #error(code: InterpreterError['code'], what: string, status?: Status): InterpreterError {
    const why = status === undefined ? '' : ` (${statusText(status)})`;
    const reported = this.#compiled ? this.#library.takeErrors(this.#compiled) : '';
    const lines = reported.split('\n').flatMap((line) => line.trim() || []);
    const said = lines.length > 0 ? `: ${lines.slice(0, ERROR_LINES).join(' / ')}` : '';
    return new InterpreterError(code, `LiteRT ${this.#library.version}: ${what}${why}${said}`);
  }
}
