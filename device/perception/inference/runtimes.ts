import type { BundleRuntime } from './bundle/manifest.js';

/** What can execute a model, in the order in which `auto` tries them. */
export const RUNTIMES = ['edgetpu', 'tflite', 'tfjs-node', 'tfjs-wasm'] as const;

export type RuntimeName = (typeof RUNTIMES)[number];

/** The model of a bundle that a runtime executes. */
export const MODEL_OF: Readonly<Record<RuntimeName, BundleRuntime>> = {
  edgetpu: 'edgetpu',
  tflite: 'tflite',
  'tfjs-node': 'tfjs',
  'tfjs-wasm': 'tfjs',
};

/** The two libraries that run TensorFlow Lite models on the CPU. */
export const TFLITE_BINDINGS = ['litert', 'tensorflowlite'] as const;

export type TfLiteBinding = (typeof TFLITE_BINDINGS)[number];

/** What people read. */
export const TFLITE_TITLES: Readonly<Record<TfLiteBinding, string>> = {
  litert: 'tflite (LiteRT)',
  tensorflowlite: 'tflite (TensorFlow Lite)',
};

export const EDGETPU_PERFORMANCES = ['low', 'medium', 'high', 'max'] as const;

export interface EdgeTpuSettings {
  /** Path or name of libedgetpu. */
  readonly library: string;
  /** `auto`, `usb`, `pci`, an index as `usb:0`, or a path as `/dev/apex_0`. */
  readonly device: string;
  /** Its clock; null: libedgetpu's own choice. Counts only where `device` has an index or a path. */
  readonly performance: (typeof EDGETPU_PERFORMANCES)[number] | null;
  /** Where /dev and /sys lie; where it is left out, at /. */
  readonly root?: string;
}

/** What the chain is to try, and how. */
export interface InferenceOptions {
  /** `auto`: one after the other until one serves; else the one named, or none. */
  readonly runtime: 'auto' | RuntimeName;
  /** CPU threads of one inference. */
  readonly threads: number;
  readonly tflite: {
    /** `auto`: LiteRT, else TensorFlow Lite. */
    readonly binding: 'auto' | TfLiteBinding;
    /** Path of a library of the owner's own, for the binding that is named; null: the vendored ones. */
    readonly library: string | null;
  };
  readonly edgetpu: EdgeTpuSettings;
  /** Runtimes that are left out this time, and why: they took the child with them, or failed too often. */
  readonly skip: readonly SkippedRuntime[];
}

/** A runtime that was not taken, `edgetpu` or more closely `tflite (LiteRT 2.3)`, and why. */
export interface SkippedRuntime {
  readonly runtime: string;
  readonly why: string;
  /** Of the error that says why, where there is one. */
  readonly code?: string | undefined;
}
