import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type * as converter from '@tensorflow/tfjs-converter';
import type * as core from '@tensorflow/tfjs-core';
import { messageOf, SortbinError } from '../../../kit/errors.js';
import type { Interpreter } from '../interpreter.js';
import { openGraphModel, type TfjsOptions } from './graph-model.js';

/** `tfjs-node-missing`: the package or its library is not installed; `tfjs-node-memory`: too little is free. */
export class TfjsNodeError extends SortbinError<'tfjs-node-missing' | 'tfjs-node-memory'> {
  override readonly name = 'TfjsNodeError';
}

/** With the model loaded it takes 500 MB; what is left is for the rest of the machine. */
const NEEDED_BYTES = 600 << 20;

export interface TfjsNodeOptions extends TfjsOptions {
  /** Of the CPU, for one run; what the first call in a process asks for holds for all. */
  readonly threads?: number;
  /** What is imported: the package's name, or the path of its main file. */
  readonly package?: string;
  /** Where Linux tells what memory is free; on a system that lacks the file, nothing is asked. */
  readonly meminfo?: string;
}

/**
 * Opens a graph model on TensorFlow's own library, by `@tensorflow/tfjs-node`. Not in a worker thread: the library reads
 * the environment of the process.
 * @throws TfjsNodeError, InterpreterError
 */
export const openTfjsNode = async ({
  package: name = '@tensorflow/tfjs-node',
  meminfo = '/proc/meminfo',
  threads = 1,
  ...options
}: TfjsNodeOptions): Promise<Interpreter> => {
  const free = existsSync(meminfo) ? freeBytes(readFileSync(meminfo, 'utf8')) : null;
  if (free !== null && free < NEEDED_BYTES) {
    const mb = (bytes: number) => `${Math.round(bytes / (1 << 20))} MB`;
    throw new TfjsNodeError(
      'tfjs-node-memory',
      `${mb(free)} of memory are free; it needs ${mb(NEEDED_BYTES)}`,
    );
  }
  supplyIsNullOrUndefined();
  setUpLibrary(threads);
  const loaded = (await import(name).catch((cause) => {
    throw new TfjsNodeError(
      'tfjs-node-missing',
      `${name} cannot be loaded (${messageOf(cause).split('\n')[0]}); docs/tensorflow-js.md says how to provide it`,
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
  /** The native part; its version is libtensorflow's. */
  readonly binding: { readonly TF_Version: string };
}

/** What programs may still take, in bytes, by the text of /proc/meminfo. */
export const freeBytes = (meminfo: string): number =>
  Number(/^MemAvailable:\s+(\d+) kB/m.exec(meminfo)?.[1] ?? 0) * 1024;

/** tfjs-node calls it, and Node has dropped it with version 23 (tensorflow/tfjs#8425). */
const supplyIsNullOrUndefined = (): void => {
  const util = createRequire(import.meta.url)('node:util') as Record<string, unknown>;
  util.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
};

/** The environment is the only way in: else it takes a thread for each core, and tells its features on stderr. */
const setUpLibrary = (threads: number): void => {
  process.env.TF_NUM_INTRAOP_THREADS = `${threads}`;
  process.env.TF_NUM_INTEROP_THREADS = '1';
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
};
