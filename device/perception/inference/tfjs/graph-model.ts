import type * as converter from '@tensorflow/tfjs-converter';
import type * as core from '@tensorflow/tfjs-core';
import { messageOf } from '../../../kit/errors.js';
import { type Interpreter, InterpreterError, type Outputs, type TensorSpec } from '../interpreter.js';
import { makeSizeError } from '../tensor-data.js';

export interface TfjsOptions {
  /** Content of a graph model's model.json. */
  readonly model: Uint8Array;
  /** Content of the weight files, in the order of model.json. */
  readonly weights: readonly Uint8Array[];
}

/**
 * TensorFlow.js and the backend to use. TensorFlow.js keeps its engine and the selected backend in a global of the
 * process. Interpreters in one process therefore share them.
 */
export interface TfjsEngine {
  readonly core: Pick<typeof core, 'getBackend' | 'setBackend' | 'io' | 'tensor4d' | 'tidy' | 'dispose'>;
  readonly loadGraphModel: typeof converter.loadGraphModel;
  /** Required result of `getBackend`. TensorFlow.js may otherwise use JavaScript, which is thirty times slower. */
  readonly backend: string;
  /** Name and version of the kernels, for example `wasm-4.22.0`. */
  readonly kernels: string;
  readonly threads: number;
}

/**
 * Opens a graph model. Both backends compute on the calling thread and block it during a run. Use such an interpreter
 * only in a separate process.
 * @throws InterpreterError `model-invalid`
 */
export const openGraphModel = async (engine: TfjsEngine, options: TfjsOptions): Promise<Interpreter> => {
  try {
    await selectBackend(engine);
    const artifacts = artifactsOf(options);
    const specs = specsOf(artifacts.signature);
    const model = await engine.loadGraphModel(engine.core.io.fromMemory(artifacts));
    return new GraphInterpreter(engine, model, specs);
  } catch (cause) {
    if (cause instanceof InterpreterError) throw cause;
    throw new InterpreterError(
      'model-invalid',
      `TensorFlow.js: cannot execute the model (${messageOf(cause)})`,
      {
        cause,
      },
    );
  }
};

/** Selects the backend again, because another interpreter of this process may have selected a different one. */
const selectBackend = async ({ core, backend }: TfjsEngine): Promise<void> => {
  if (core.getBackend() !== backend && !(await core.setBackend(backend))) {
    throw new InterpreterError(
      'model-invalid',
      `TensorFlow.js: backend ${backend} cannot be set up on this machine. The reason is on stderr.`,
    );
  }
  const found = core.getBackend();
  if (found === backend) return;
  throw new InterpreterError(
    'model-invalid',
    `TensorFlow.js: backend ${found} is active instead of ${backend}`,
  );
};

interface Specs {
  readonly input: TensorSpec;
  readonly outputs: ReadonlyMap<string, TensorSpec>;
}

class GraphInterpreter implements Interpreter {
  readonly backend: string;
  readonly threads: number;
  readonly skipped = [];
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
    this.threads = engine.threads;
    this.input = specs.input;
    this.outputs = specs.outputs;
  }

  async invoke(input: Uint8Array): Promise<Outputs> {
    if (this.#closed) throw new InterpreterError('interpreter-closed', 'the interpreter is closed');
    if (this.#running) {
      throw new InterpreterError(
        'interpreter-busy',
        'the interpreter is busy. Wait for the run in progress.',
      );
    }
    const [, height = 0, width = 0, channels = 0] = this.input.shape;
    if (input.length !== height * width * channels) {
      throw makeSizeError(input, height * width * channels, this.input.shape);
    }
    this.#running = this.#run(Float32Array.from(input, (byte) => (byte - 127) / 128));
    try {
      return await this.#running;
    } catch (cause) {
      throw new InterpreterError('invoke-failed', `TensorFlow.js: the run failed (${messageOf(cause)})`, {
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

  async #run(pixels: Float32Array): Promise<Outputs> {
    const { core } = this.engine;
    await selectBackend(this.engine);
    const names = [...this.outputs.keys()];
    const tensors = core.tidy(() => {
      const image = core.tensor4d(pixels, this.input.shape as [number, number, number, number]);
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
  if (!json.signature)
    throw new InterpreterError(
      'model-invalid',
      'model.json: the signature is missing. Export the bundle again.',
    );
  const bytes = Buffer.concat(weights);
  const expected = json.weightsManifest.flatMap(({ paths }) => paths).length;
  if (weights.length !== expected) {
    throw new InterpreterError(
      'model-invalid',
      `model.json: ${expected} weight files expected, found ${weights.length}. Export the bundle again.`,
    );
  }
  const weightSpecs = json.weightsManifest.flatMap(({ weights: specs }) => specs);
  const needed = weightSpecs.reduce((sum, spec) => sum + storedBytes(spec), 0);
  if (bytes.length !== needed) {
    throw new InterpreterError(
      'model-invalid',
      `model.json: ${needed} bytes of weights expected, found ${bytes.length}. Export the bundle again.`,
    );
  }
  return {
    modelTopology: json.modelTopology,
    format: json.format,
    signature: json.signature,
    weightSpecs,
    // Copied, because Node allocates small buffers inside a shared pool.
    weightData: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length),
  } as core.io.ModelArtifacts & { signature: Signature };
};

/** Bytes of one value in a weight file. Strings are not supported, because their length is not known in advance. */
const VALUE_BYTES: Readonly<Record<string, number>> = {
  float32: 4,
  int32: 4,
  float16: 2,
  uint16: 2,
  uint8: 1,
  bool: 1,
};

const storedBytes = ({ shape, dtype, quantization }: core.io.WeightsManifestEntry): number =>
  shape.reduce((product, size) => product * size, VALUE_BYTES[quantization?.dtype ?? dtype] ?? 0);

const specsOf = ({ inputs, outputs }: Signature): Specs => {
  const [input, ...more] = Object.values(inputs).map(specOf);
  if (!input || more.length > 0 || input.shape.length !== 4) {
    const found = Object.keys(inputs).join(', ');
    throw new InterpreterError(
      'model-invalid',
      `model.json: the model must have exactly one image input, found ${found || 'none'}`,
    );
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
