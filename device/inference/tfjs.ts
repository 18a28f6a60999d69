import type * as converter from '@tensorflow/tfjs-converter';
import type * as core from '@tensorflow/tfjs-core';
import { messageOf } from '../kit/errors.js';
import { type Interpreter, InterpreterError, type Outputs, type TensorSpec } from './interpreter.js';

export interface TfjsOptions {
  /** model.json of a graph model. */
  readonly model: Uint8Array;
  /** Its weight files' bytes, in the order of model.json. */
  readonly weights: readonly Uint8Array[];
}

/** TensorFlow.js with the backend that is to compute, set and ready. Its engine is one for the whole process. */
export interface TfjsEngine {
  readonly core: Pick<typeof core, 'getBackend' | 'io' | 'tensor4d' | 'tidy' | 'dispose'>;
  readonly loadGraphModel: typeof converter.loadGraphModel;
  /** What `getBackend` must say: TensorFlow.js would else compute in JavaScript, thirty times as slow. */
  readonly backend: string;
  /** The kernels, with their version: `wasm-4.22.0`. */
  readonly kernels: string;
}

/**
 * Opens a graph model. `wasm` computes on the thread that asks: such an interpreter belongs into a process of its own.
 * @throws InterpreterError `model-invalid`
 */
export const openGraphModel = async (engine: TfjsEngine, options: TfjsOptions): Promise<Interpreter> => {
  const found = engine.core.getBackend();
  if (found !== engine.backend) {
    throw new InterpreterError(
      'model-invalid',
      `TensorFlow.js computes by ${found}, not by ${engine.backend}`,
    );
  }
  try {
    const artifacts = artifactsOf(options);
    const model = await engine.loadGraphModel(engine.core.io.fromMemory(artifacts));
    return new GraphInterpreter(engine, model, specsOf(artifacts.signature));
  } catch (cause) {
    if (cause instanceof InterpreterError) throw cause;
    throw new InterpreterError(
      'model-invalid',
      `TensorFlow.js does not take the model: ${messageOf(cause)}`,
      {
        cause,
      },
    );
  }
};

interface Specs {
  readonly input: TensorSpec;
  readonly outputs: ReadonlyMap<string, TensorSpec>;
}

class GraphInterpreter implements Interpreter {
  readonly backend: string;
  readonly threads = 1;
  readonly passedOver = [];
  readonly input: TensorSpec;
  readonly outputs: ReadonlyMap<string, TensorSpec>;
  #running: Promise<Outputs> | null = null;
  #closed = false;

  constructor(
    private readonly engine: TfjsEngine,
    private readonly model: converter.GraphModel,
    specs: Specs,
  ) {
    this.backend = engine.kernels;
    this.input = specs.input;
    this.outputs = specs.outputs;
  }

  async invoke(input: Uint8Array): Promise<Outputs> {
    if (this.#closed) throw new InterpreterError('interpreter-closed', 'the interpreter is closed');
    if (this.#running) {
      throw new InterpreterError('interpreter-busy', 'the interpreter runs already; one call at a time');
    }
    const [, height = 0, width = 0, channels = 0] = this.input.shape;
    if (input.length !== height * width * channels) {
      throw new InterpreterError(
        'input-invalid',
        `the input has ${input.length} bytes; the model takes ${height * width * channels} (${this.input.shape.join(' x ')})`,
      );
    }
    this.#running = this.#run(Float32Array.from(input, (byte) => (byte - 127) / 128));
    try {
      return await this.#running;
    } catch (cause) {
      throw new InterpreterError('invoke-failed', `TensorFlow.js: the run failed: ${messageOf(cause)}`, {
        cause,
      });
    } finally {
      this.#running = null;
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#running?.catch(() => {});
    this.model.dispose();
  }

  async #run(picture: Float32Array): Promise<Outputs> {
    const { core } = this.engine;
    const names = [...this.outputs.keys()];
    const tensors = core.tidy(() => {
      const image = core.tensor4d(picture, this.input.shape as [number, number, number, number]);
      return [this.model.execute(image, names)].flat();
    });
    try {
      const values = await Promise.all(tensors.map((tensor) => tensor.data()));
      return new Map(names.map((name, index) => [name, Float32Array.from(values[index] ?? [])]));
    } finally {
      core.dispose(tensors);
    }
  }
}

type Signature = Record<'inputs' | 'outputs', Record<string, SignatureEntry>>;
interface SignatureEntry {
  readonly name: string;
  readonly tensorShape: { readonly dim: readonly { readonly size: string | number }[] };
}

const artifactsOf = ({ model, weights }: TfjsOptions): core.io.ModelArtifacts & { signature: Signature } => {
  const json = JSON.parse(Buffer.from(model).toString('utf8')) as core.io.ModelJSON & {
    signature: Signature;
  };
  const bytes = Buffer.concat(weights);
  const expected = json.weightsManifest.flatMap(({ paths }) => paths).length;
  if (weights.length !== expected) {
    throw new InterpreterError(
      'model-invalid',
      `model.json names ${expected} weight files, given are ${weights.length}`,
    );
  }
  return {
    modelTopology: json.modelTopology,
    format: json.format,
    signature: json.signature,
    weightSpecs: json.weightsManifest.flatMap(({ weights: specs }) => specs),
    // A buffer of its own: a small one is a part of Node's pool.
    weightData: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length),
  } as core.io.ModelArtifacts & { signature: Signature };
};

const specsOf = ({ inputs, outputs }: Signature): Specs => {
  const [input, ...more] = Object.values(inputs).map(specOf);
  if (!input || more.length > 0 || input.shape.length !== 4) {
    const found = Object.keys(inputs).join(', ');
    throw new InterpreterError('model-invalid', `its inputs are ${found}; served is one picture`);
  }
  return { input, outputs: new Map(Object.values(outputs).map((entry) => [entry.name, specOf(entry)])) };
};

const specOf = ({ name, tensorShape }: SignatureEntry): TensorSpec => ({
  name,
  type: 'float32',
  shape: tensorShape.dim.map(({ size }) => (Number(size) < 0 ? 1 : Number(size))),
  scale: 1,
  zeroPoint: 0,
});
