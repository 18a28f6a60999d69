import { type Interpreter, InterpreterError, type Outputs, type TensorSpec } from '../interpreter.js';
import { loadLiteRt } from './library.js';
import { LiteRtSession } from './session.js';

export interface LiteRtOptions {
  /** Path of the library: what `findLibrary` found. */
  readonly library: string;
  /** A .tflite file's bytes; they must not be changed while the interpreter is open. */
  readonly model: Uint8Array;
  readonly threads: number;
}

/**
 * Opens a quantised model with LiteRT and XNNPACK. A model that holds an operator which neither knows is opened too:
 * it fails at each run.
 * @throws InterpreterError `model-invalid`, NativeError
 */
export const openLiteRt = ({ library: path, model, threads }: LiteRtOptions): Interpreter => {
  const library = loadLiteRt(path);
  return new LiteRt(new LiteRtSession(library, model, threads), `xnnpack-litert-${library.version}`, threads);
};

class LiteRt implements Interpreter {
  readonly passedOver = [];
  readonly input: TensorSpec;
  readonly outputs: ReadonlyMap<string, TensorSpec>;
  readonly #session: LiteRtSession;
  #running: Promise<Outputs> | null = null;
  #closed = false;

  constructor(
    session: LiteRtSession,
    readonly backend: string,
    readonly threads: number,
  ) {
    this.#session = session;
    this.input = session.input.spec;
    this.outputs = new Map(session.outputs.map(({ spec }) => [spec.name, spec]));
  }

  async invoke(input: Uint8Array): Promise<Outputs> {
    if (this.#closed) throw new InterpreterError('interpreter-closed', 'the interpreter is closed');
    if (this.#running) {
      throw new InterpreterError('interpreter-busy', 'the interpreter runs already; one call at a time');
    }
    this.#session.write(input);
    this.#running = this.#session.run();
    try {
      return await this.#running;
    } finally {
      this.#running = null;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#running?.catch(() => {});
    this.#session.free();
  }
}
