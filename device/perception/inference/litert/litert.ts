import { type Interpreter, InterpreterError, type Outputs, type TensorSpec } from '../interpreter.js';
import { loadLiteRt } from './library.js';
import { LiteRtSession } from './session.js';

export interface LiteRtOptions {
  /** Path of the library, from `findLibrary`. */
  readonly library: string;
  /** Bytes of a .tflite file. They must not change while the interpreter is open. */
  readonly model: Uint8Array;
  readonly threads: number;
}

/**
 * Opens a quantised model with LiteRT and XNNPACK. A model with an unknown operator is opened too, but each run of it
 * fails.
 * @throws InterpreterError `model-invalid`, NativeError
 */
export const openLiteRt = ({ library: path, model, threads }: LiteRtOptions): Interpreter => {
  const library = loadLiteRt(path);
  return new LiteRt(new LiteRtSession(library, model, threads), `xnnpack-litert-${library.version}`, threads);
};

class LiteRt implements Interpreter {
  readonly skipped = [];
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
      throw new InterpreterError(
        'interpreter-busy',
        'the interpreter is busy. Wait for the run in progress.',
      );
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
