import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type * as converter from '@tensorflow/tfjs-converter';
import type * as core from '@tensorflow/tfjs-core';
import { messageOf, SortbinError } from '../kit/errors.js';
import type { Interpreter } from './interpreter.js';
import { openGraphModel, type TfjsOptions } from './tfjs.js';

/** `tfjs-node-missing`: the package or its library is not installed; `tfjs-node-memory`: too little is free. */
export class TfjsNodeError extends SortbinError<'tfjs-node-missing' | 'tfjs-node-memory'> {
  override readonly name = 'TfjsNodeError';
}

/** With the model loaded it takes 500 MB; what is left is for the rest of the machine. */
const NEEDED_BYTES = 600 << 20;

export interface TfjsNodeOptions extends TfjsOptions {
  /** What is imported: the package's name, or the path of its main file. */
  readonly package?: string;
  readonly meminfo?: string;
}

/**
 * Opens a graph model on TensorFlow's own library, by `@tensorflow/tfjs-node`.
 * @throws TfjsNodeError, InterpreterError
 */
export const openTfjsNode = async ({
  package: name = '@tensorflow/tfjs-node',
  meminfo = '/proc/meminfo',
  ...options
}: TfjsNodeOptions): Promise<Interpreter> => {
  const free = freeBytes(readFileSync(meminfo, 'utf8'));
  if (free < NEEDED_BYTES) {
    const mb = (bytes: number) => `${Math.round(bytes / (1 << 20))} MB`;
    throw new TfjsNodeError(
      'tfjs-node-memory',
      `${mb(free)} of memory are free; it needs ${mb(NEEDED_BYTES)}`,
    );
  }
  supplyIsNullOrUndefined();
  const loaded = (await import(name).catch((cause) => {
    throw new TfjsNodeError(
      'tfjs-node-missing',
      `${name} cannot be loaded (${messageOf(cause).split('\n')[0]}); docs/tensorflow-js.md says how to provide it`,
      { cause },
    );
  })) as { default: TfjsNode };
  const tf = loaded.default;
  await tf.ready();
  const kernels = `tensorflow-${tf.version['tfjs-node'] ?? 'unknown'}`;
  return openGraphModel(
    { core: tf, loadGraphModel: tf.loadGraphModel, backend: 'tensorflow', kernels },
    options,
  );
};

type TfjsNode = typeof core & {
  readonly loadGraphModel: typeof converter.loadGraphModel;
  readonly version: Readonly<Record<string, string>>;
};

/** What programs may still take, in bytes, by the text of /proc/meminfo. */
export const freeBytes = (meminfo: string): number =>
  Number(/^MemAvailable:\s+(\d+) kB/m.exec(meminfo)?.[1] ?? 0) * 1024;

/** tfjs-node calls it, and Node has dropped it with version 23 (tfjs issue 8425). */
const supplyIsNullOrUndefined = (): void => {
  const util = createRequire(import.meta.url)('node:util') as Record<string, unknown>;
  util.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
};
