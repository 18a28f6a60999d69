import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type * as converter from '@tensorflow/tfjs-converter';
import type * as core from '@tensorflow/tfjs-core';
import { messageOf, SortbinError } from '../../../kit/errors.js';
import { availableBytes } from '../../../kit/memory.js';
import type { Interpreter } from '../interpreter.js';
import { openGraphModel, type TfjsOptions } from './graph-model.js';

/**
 * - `tfjs-node-missing`: the package or its library is not installed
 * - `tfjs-node-memory`: too little memory is free
 */
export class TfjsNodeError extends SortbinError<'tfjs-node-missing' | 'tfjs-node-memory'> {
  override readonly name = 'TfjsNodeError';
}

/** The process uses 500 MB with the model loaded. The rest is a reserve for the machine. */
const NEEDED_BYTES = 600 << 20;

export interface TfjsNodeOptions extends TfjsOptions {
  /** CPU threads of one run. The value of the first call in a process applies to all later ones. */
  readonly threads?: number;
  /** Name of the package, or path of its main file. */
  readonly package?: string;
  /** File that contains the free memory. If it does not exist, the memory is not checked. */
  readonly meminfo?: string;
}

/**
 * Opens a graph model on the native TensorFlow library, with `@tensorflow/tfjs-node`. Must not run in a worker thread,
 * because the library reads the environment of the process.
 * @throws TfjsNodeError, InterpreterError
 */
export const openTfjsNode = async ({
  package: name = '@tensorflow/tfjs-node',
  meminfo = '/proc/meminfo',
  threads = 1,
  ...options
}: TfjsNodeOptions): Promise<Interpreter> => {
  const free = existsSync(meminfo) ? availableBytes(readFileSync(meminfo, 'utf8')) : null;
  if (free !== null && free < NEEDED_BYTES) {
    const mb = (bytes: number) => `${Math.round(bytes / (1 << 20))} MB`;
    throw new TfjsNodeError(
      'tfjs-node-memory',
      `tfjs-node: ${mb(NEEDED_BYTES)} of available memory needed, found ${mb(free)}. Use tfjs-wasm.`,
    );
  }
  polyfillIsNullOrUndefined();
  configureLibrary(threads);
  const loaded = (await import(name).catch((cause) => {
    throw new TfjsNodeError(
      'tfjs-node-missing',
      `${name}: cannot be loaded (${messageOf(cause).split('\n')[0]}). To install it, see docs/tensorflow-js.md.`,
      { cause },
    );
  })) as { default: TfjsNode };
  const tf = loaded.default;
  await tf.ready();
  const { binding } = tf.findBackend(BACKEND) as unknown as TfjsNodeBackend;
  const kernels = `tensorflow-${binding.TF_Version}-node-${tf.version['tfjs-node']}`;
  const { loadGraphModel } = tf;
  return openGraphModel({ core: tf, loadGraphModel, backend: BACKEND, kernels, threads }, options);
};

const BACKEND = 'tensorflow';

type TfjsNode = typeof core & {
  readonly loadGraphModel: typeof converter.loadGraphModel;
  readonly version: Readonly<Record<string, string>>;
};

interface TfjsNodeBackend {
  /** The native module. TF_Version is the version of libtensorflow. */
  readonly binding: { readonly TF_Version: string };
}

/** tfjs-node calls util.isNullOrUndefined, which Node 23 removed (tensorflow/tfjs#8425). */
const polyfillIsNullOrUndefined = (): void => {
  const util = createRequire(import.meta.url)('node:util') as Record<string, unknown>;
  util.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
};

/** Without these variables, the library starts one thread per core and prints its features to stderr. */
const configureLibrary = (threads: number): void => {
  process.env.TF_NUM_INTRAOP_THREADS = `${threads}`;
  process.env.TF_NUM_INTEROP_THREADS = '1';
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
};
