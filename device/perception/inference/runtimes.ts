import type { BundleRuntime } from './bundle/manifest.js';

/** Runtimes that can execute a model, in the order in which `auto` tries them. */
export const RUNTIMES = ['edgetpu', 'tflite', 'tfjs-node', 'tfjs-wasm'] as const;

export type RuntimeName = (typeof RUNTIMES)[number];

/** The bundle's model that each runtime executes. */
export const MODEL_OF: Readonly<Record<RuntimeName, BundleRuntime>> = {
  edgetpu: 'edgetpu',
  tflite: 'tflite',
  'tfjs-node': 'tfjs',
  'tfjs-wasm': 'tfjs',
};

/** The two libraries that execute TensorFlow Lite models on the CPU, in the order in which `auto` tries them. */
export const TFLITE_BINDINGS = ['litert', 'tensorflowlite'] as const;

export type TfLiteBinding = (typeof TFLITE_BINDINGS)[number];

/** Display names. */
export const TFLITE_TITLES: Readonly<Record<TfLiteBinding, string>> = {
  litert: 'tflite (LiteRT)',
  tensorflowlite: 'tflite (TensorFlow Lite)',
};

export const EDGETPU_PERFORMANCES = ['low', 'medium', 'high', 'max'] as const;

export interface EdgeTpuSettings {
  /** Path or name of the libedgetpu library. */
  readonly library: string;
  /** `auto`, `usb`, `pci`, an index such as `usb:0`, or a path such as `/dev/apex_0`. */
  readonly device: string;
  /** Clock rate; null: the default of libedgetpu. Only used if `device` is an index or a path. */
  readonly performance: (typeof EDGETPU_PERFORMANCES)[number] | null;
  /** Folder that contains dev/ and sys/; default `/`. */
  readonly root?: string;
}

/** Which runtimes to try, and with which settings. */
export interface InferenceOptions {
  /** `auto`: each runtime in order until one passes the golden samples. Otherwise only the named one. */
  readonly runtime: 'auto' | RuntimeName;
  /** CPU threads of one inference. */
  readonly threads: number;
  readonly tflite: {
    /** `auto`: LiteRT first, then TensorFlow Lite. */
    readonly binding: 'auto' | TfLiteBinding;
    /** Path of a custom library for the selected binding; null: the vendored libraries. */
    readonly library: string | null;
  };
  readonly edgetpu: EdgeTpuSettings;
  /** Runtimes to skip, because they ended the vision process or failed too often. */
  readonly skip: readonly SkippedRuntime[];
}

/** A runtime that was skipped, and the reason. */
export interface SkippedRuntime {
  /** `edgetpu`, or with the library: `tflite (LiteRT)`. */
  readonly runtime: string;
  readonly why: string;
  /** Error code, if the reason is an error that has one. */
  readonly code?: string | undefined;
}
