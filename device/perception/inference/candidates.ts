import { type Bundle, readBundleFile } from './bundle/bundle.js';
import type { Manifest } from './bundle/manifest.js';
import type { Candidate } from './chain.js';
import { findLibrary } from './native.js';
import {
  type InferenceOptions,
  RUNTIMES,
  type RuntimeName,
  TFLITE_BINDINGS,
  TFLITE_TITLES,
  type TfLiteBinding,
} from './runtimes.js';

/** The candidates that the options allow, in the chain's order. Each loads its code when it is opened, not before. */
export const candidatesOf = (options: InferenceOptions): Candidate[] => {
  const wanted = options.runtime === 'auto' ? RUNTIMES : [options.runtime];
  return wanted.flatMap((runtime) => MAKE[runtime](options));
};

const MAKE: Readonly<Record<RuntimeName, (options: InferenceOptions) => Candidate[]>> = {
  edgetpu: (options) => [edgeTpu(options)],
  tflite: (options) => {
    const { binding } = options.tflite;
    return (binding === 'auto' ? TFLITE_BINDINGS : [binding]).map((one) => tflite(one, options));
  },
  'tfjs-node': (options) => [tfjs('tfjs-node', options)],
  'tfjs-wasm': (options) => [tfjs('tfjs-wasm', options)],
};

/** As deploy/native names them. */
const LIBRARIES: Readonly<Record<TfLiteBinding, string>> = {
  litert: 'litert',
  tensorflowlite: 'tensorflowlite-c',
};

const tflite = (
  binding: TfLiteBinding,
  { threads, tflite: { library: own } }: InferenceOptions,
): Candidate => ({
  runtime: 'tflite',
  title: TFLITE_TITLES[binding],
  open: async (bundle) => {
    const library = await findLibrary({
      name: LIBRARIES[binding],
      ...(own === null ? {} : { path: own }),
    });
    const model = await readBundleFile(bundle, modelFile(bundle, 'tflite'));
    if (binding === 'litert')
      return (await import('./litert/litert.js')).openLiteRt({ library, model, threads });
    return (await import('./tflite/tflite.js')).openTfLite({ library, model, threads });
  },
});

const edgeTpu = ({ edgetpu: settings }: InferenceOptions): Candidate => ({
  runtime: 'edgetpu',
  title: 'edgetpu',
  open: async (bundle) => {
    const library = await findLibrary({ name: LIBRARIES.tensorflowlite });
    const model = await readBundleFile(bundle, modelFile(bundle, 'edgetpu'));
    return (await import('./edgetpu/edgetpu.js')).openEdgeTpu({ library, model, settings });
  },
});

const tfjs = (runtime: 'tfjs-node' | 'tfjs-wasm', { threads }: InferenceOptions): Candidate => ({
  runtime,
  title: runtime,
  open: async (bundle) => {
    const file = modelFile(bundle, 'tfjs');
    const model = await readBundleFile(bundle, file);
    const weights = await Promise.all(file.weights.map((digest) => readBundleFile(bundle, digest)));
    const options = { model, weights };
    return runtime === 'tfjs-node'
      ? (await import('./tfjs/tfjs-node.js')).openTfjsNode({ ...options, threads })
      : (await import('./tfjs/tfjs-wasm.js')).openTfjsWasm(options);
  },
});

type Runtimes = Manifest['runtimes'];

/** The chain has made sure that it is there. */
const modelFile = <R extends keyof Runtimes>({ manifest }: Bundle, runtime: R): NonNullable<Runtimes[R]> => {
  const file = manifest.runtimes[runtime];
  if (!file) throw new RangeError(`bundle ${manifest.name} has no model for ${runtime}`);
  return file;
};
