import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { messageOf } from '../../device/kit/errors.js';
import { packageRoot } from '../../device/kit/root.js';
import { loadBundle } from '../../device/perception/inference/bundle/bundle.js';
import { candidatesOf } from '../../device/perception/inference/candidates.js';
import type {
  InferenceOptions,
  RuntimeName,
  TfLiteBinding,
} from '../../device/perception/inference/runtimes.js';

/** A runtime that runs the model repeatedly. */
export interface Contender {
  readonly name: string;
  readonly threads: number;
  /** Returns the duration of each run in milliseconds. */
  run(count: number): Promise<number[]>;
  close(): Promise<void>;
}

/** The runtimes of this machine, and the missing ones with the reason. */
export interface Contenders {
  readonly present: readonly Contender[];
  readonly absent: readonly string[];
}

const BINDINGS: readonly TfLiteBinding[] = ['litert', 'tensorflowlite'];
const THREADS = [1, 2] as const;

export const openContenders = async (folder: string): Promise<Contenders> => {
  const present: Contender[] = [];
  const absent: string[] = [];
  const add = async (name: string, open: () => Promise<Contender>) => {
    try {
      present.push(await open());
    } catch (thrown) {
      absent.push(`${name}: ${messageOf(thrown)}`);
    }
  };
  for (const threads of THREADS) {
    for (const binding of BINDINGS) {
      await add(binding, () => inNode(folder, 'tflite', { threads, tflite: { binding, library: null } }));
    }
    await add('Python', () => inPython(folder, threads));
  }
  for (const runtime of ['tfjs-node', 'tfjs-wasm'] as const) {
    await add(runtime, () => inNode(folder, runtime, { threads: 1 }));
  }
  return { present, absent };
};

const inNode = async (
  folder: string,
  runtime: RuntimeName,
  options: Partial<InferenceOptions> & { readonly threads: number },
): Promise<Contender> => {
  const bundle = await loadBundle(folder);
  const [candidate] = candidatesOf({
    runtime,
    tflite: { binding: 'litert', library: null },
    edgetpu: { library: '', device: 'auto', performance: null },
    skip: [],
    ...options,
  });
  if (!candidate) throw new RangeError(`no candidate for ${runtime}`);
  const interpreter = await candidate.open(bundle);
  const { width, height } = bundle.manifest.input;
  const image = new Uint8Array(width * height * 3).map((_, index) => (index * 31 + (index >> 7) * 17) & 255);
  return {
    name: `${candidate.title}, ${interpreter.backend}`,
    threads: options.threads,
    run: async (count) => {
      const elapsed: number[] = [];
      for (let run = 0; run < count; run++) {
        const startMs = performance.now();
        await interpreter.invoke(image);
        elapsed.push(performance.now() - startMs);
      }
      return elapsed;
    },
    close: () => interpreter.close(),
  };
};

const inPython = async (folder: string, threads: number): Promise<Contender> => {
  const root = packageRoot();
  const python = join(root, 'training', '.venv', 'bin', 'python');
  if (!existsSync(python)) throw new Error('training/.venv: not found. Run training/setup.');
  const script = join(root, 'test', 'bench', 'litert.py');
  const child = spawn(python, [script, join(folder, 'model_int8.tflite'), `${threads}`], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const run = async (count: number): Promise<number[]> => {
    child.stdin.write(`${count}\n`);
    const { value, done } = await lines.next();
    if (done) throw new Error(`${python}: exited`);
    return JSON.parse(value) as number[];
  };
  await run(1);
  return { name: 'Python, ai-edge-litert', threads, run, close: () => closed(child) };
};

const closed = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.stdin?.end();
  });
