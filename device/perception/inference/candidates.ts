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

/** Returns the candidates that the options allow, in the order of the chain. Each loads its code when it is opened. */
export const candidatesOf = (options: InferenceOptions): Candidate[] => {
  const allowed = options.runtime === 'auto' ? RUNTIMES : [options.runtime];
  return allowed.flatMap((runtime) => MAKE[runtime](options));
};

const MAKE: Readonly<Record<RuntimeName, (options: InferenceOptions) => Candidate[]>> = {
  edgetpu: (options) => [edgeTpu(options)],
  tflite: (options) => {
    const { binding } = options.tflite;
    return (binding === 'auto' ? TFLITE_BINDINGS : [binding]).map((name) => tflite(name, options));
  },
  'tfjs-node': (options) => [tfjs('tfjs-node', options)],
  'tfjs-wasm': (options) => [tfjs('tfjs-wasm', options)],
};

/** Names in deploy/native/manifest.json. */
const LIBRARIES: Readonly<Record<TfLiteBinding, string>> = {
  litert: 'litert',
  tensorflowlite: 'tensorflowlite-c',
};

const tflite = (
  binding: TfLiteBinding,
  { threads, tflite: { library: custom } }: InferenceOptions,
): Candidate => ({
  runtime: 'tflite',
  title: TFLITE_TITLES[binding],
  open: async (bundle) => {
    const library = await findLibrary({
      name: LIBRARIES[binding],
      ...(custom === null ? {} : { path: custom }),
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

/** Returns the model file for a runtime. The chain has checked that it exists. */
const modelFile = <R extends keyof Runtimes>({ manifest }: Bundle, runtime: R): NonNullable<Runtimes[R]> => {
  const file = manifest.runtimes[runtime];
  if (!file) throw new RangeError(`bundle ${manifest.name}: no model for ${runtime}`);
  return file;
};
