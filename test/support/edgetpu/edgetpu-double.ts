import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
import koffi from 'koffi';
import { packageRoot } from '../../../device/kit/root.js';
import type { Interpreter, TensorSpec } from '../../../device/perception/inference/interpreter.js';
import { findLibrary } from '../../../device/perception/inference/native.js';
import { openTfLite } from '../../../device/perception/inference/tflite/tflite.js';
import { editJson, quickBundle } from '../bundle-copy.js';
import { type Child, type Field, writeFlatbuffer } from './flatbuffer.js';

export type Behaviour =
  | 'healthy'
  | 'no-device'
  | 'create-fails'
  | 'ignores'
  | 'invoke-fails'
  | 'hangs'
  | 'destroy-hangs'
  | 'aborts'
  | 'off-by-4'
  | 'swapped';

/** A test double of libedgetpu, built from double.c. */
export interface EdgeTpuDouble {
  readonly library: string;
  /** Sets the behaviour from the next call on, in all processes. */
  behave(behaviour: Behaviour): Promise<void>;
  /** Number of delegates that this process has created and not yet destroyed. */
  delegates(): number;
}

const run = promisify(execFile);

/** Returns why the double cannot be built on this machine, or null if it can. */
export const noCompiler = async (): Promise<string | null> =>
  run('gcc', ['--version']).then(
    () => null,
    () => 'gcc is not installed: the double of libedgetpu cannot be built',
  );

export const buildDouble = async (folder: string, abi: 'old' | 'new' = 'old'): Promise<EdgeTpuDouble> => {
  await mkdir(folder, { recursive: true });
  const library = join(folder, 'libedgetpu.so.1');
  const source = join(packageRoot(), 'test', 'support', 'edgetpu', 'double.c');
  const flags = abi === 'new' ? ['-DABI_NEW'] : [];
  await run('gcc', [
    '-shared',
    '-fPIC',
    '-O1',
    '-Wall',
    '-Wextra',
    '-Werror',
    ...flags,
    source,
    '-o',
    library,
    '-ldl',
  ]);
  await writeFile(join(folder, 'library'), await findLibrary({ name: 'tensorflowlite-c' }));
  const behave = async (behaviour: Behaviour) => {
    await writeFile(join(folder, 'behaviour.new'), behaviour);
    await rename(join(folder, 'behaviour.new'), join(folder, 'behaviour'));
  };
  await behave('healthy');
  const delegates = () => Number(koffi.load(library).func('int double_delegates()')());
  return { library, behave, delegates };
};

/** Adds a USB accelerator to a simulated /sys. */
export const plugIn = async (root: string): Promise<void> => {
  const device = join(root, 'sys', 'bus', 'usb', 'devices', '2-1');
  await mkdir(device, { recursive: true });
  await writeFile(join(device, 'idVendor'), '18d1\n');
  await writeFile(join(device, 'idProduct'), '9302\n');
  await writeFile(join(device, 'speed'), '5000\n');
};

export const unplug = (root: string): Promise<void> => rm(join(root, 'sys'), { recursive: true });

/** Creates a bundle with one golden sample. Its Edge TPU model contains its CPU model. */
export const bundleWithEdgeTpu = async (t: TestContext): Promise<string> => {
  const folder = await quickBundle(t);
  const compiled = await wrap(await readFile(join(folder, 'model_int8.tflite')));
  await writeFile(join(folder, 'model_int8_edgetpu.tflite'), compiled);
  interface Manifest {
    outputs: Record<string, Record<string, string>>;
    runtimes: Record<string, { golden: object }>;
  }
  await editJson<Manifest>(join(folder, 'manifest.json'), ({ outputs, runtimes }) => {
    for (const names of Object.values(outputs)) names.edgetpu = names.tflite ?? '';
    runtimes.edgetpu = {
      file: 'model_int8_edgetpu.tflite',
      sha256: createHash('sha256').update(compiled).digest('hex'),
      bytes: compiled.length,
      golden: { ...runtimes.tflite?.golden, exact: false },
    } as Manifest['runtimes'][string];
  });
  return folder;
};

const CUSTOM = 32;
const TYPES = { uint8: 3, int8: 9, float32: 0 } as const;

/**
 * Imitates edgetpu_compiler for a model whose operators all run on the Edge TPU: one custom operator replaces them.
 * Here the data of that operator is the model itself.
 */
export const wrap = async (model: Uint8Array): Promise<Buffer> => {
  const library = await findLibrary({ name: 'tensorflowlite-c' });
  const interpreter = openTfLite({ library, model, threads: 1 });
  try {
    return wrapped(model, interpreter);
  } finally {
    await interpreter.close();
  }
};

const wrapped = (model: Uint8Array, { input, outputs }: Interpreter): Buffer => {
  const specs = [input, ...outputs.values()];
  const results = specs.slice(1).map((_, index) => index + 1);
  const operator: Child = {
    table: [
      i32(0),
      { child: { i32s: [0] } },
      { child: { i32s: results } },
      null,
      null,
      { child: { bytes: model } },
    ],
  };
  const code: Child = { table: [u8(CUSTOM), { child: { text: 'edgetpu-custom-op' } }, i32(1), i32(CUSTOM)] };
  const subgraph: Child = {
    table: [
      { child: { children: specs.map(tensor) } },
      { child: { i32s: [0] } },
      { child: { i32s: results } },
      { child: { children: [operator] } },
    ],
  };
  const root: Child = {
    table: [
      i32(3),
      { child: { children: [code] } },
      { child: { children: [subgraph] } },
      null,
      { child: { children: [{ table: [] }] } },
    ],
  };
  return writeFlatbuffer(root, 'TFL3');
};

const i32 = (value: number): Field => ({ scalar: 'i32', value });
const u8 = (value: number): Field => ({ scalar: 'u8', value });

const tensor = ({ name, type, shape, scale, zeroPoint }: TensorSpec): Child => ({
  table: [
    { child: { i32s: shape } },
    u8(TYPES[type]),
    { scalar: 'u32', value: 0 },
    { child: { text: name } },
    {
      child: {
        table: [null, null, { child: { f32s: [scale] } }, { child: { i64s: [zeroPoint] } }],
      },
    },
  ],
});
