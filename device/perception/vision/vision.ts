import type { Frame } from '../../hardware/camera/camera.js';
import type { Answer } from '../../kit/errors.js';
import type { GoldenPass } from '../inference/golden/golden.js';
import type { RuntimeName, SkippedRuntime } from '../inference/runtimes.js';

/** What executes the model. */
export interface RuntimeInfo {
  readonly name: RuntimeName | 'simulated';
  /** The kernels, with their version: `xnnpack-2.9`. */
  readonly backend: string;
  readonly threads: number;
}

export interface ModelInfo {
  readonly name: string;
  readonly version: string;
  /** Of the model file that runs. */
  readonly sha256: string;
}

/** What serves, how it passed the golden samples, and which faster runtimes were passed over, and why. */
export interface VisionInfo {
  readonly model: ModelInfo;
  readonly runtime: RuntimeInfo;
  /** Runtime and library, as people read it: `tflite (LiteRT)`. */
  readonly title: string;
  /** Null where there are none to pass. */
  readonly golden: GoldenPass | null;
  readonly skipped: readonly SkippedRuntime[];
}

export interface Classification {
  /** The label with the highest score. */
  readonly label: string;
  /** Its score: softmax of the calibrated logits, 0 to 1. */
  readonly confidence: number;
  /** A score for every label of the model; they add up to 1. */
  readonly scores: Readonly<Record<string, number>>;
  /** How unlike the training data it looks, where the bundle says how to tell. */
  readonly unfamiliar: { readonly score: number; readonly flag: boolean } | null;
  readonly model: ModelInfo;
  readonly runtime: RuntimeInfo;
  /** x, y, width, height of the part of the frame that was looked at, in pixels. */
  readonly region: readonly [number, number, number, number];
  readonly timingsMs: { readonly decode: number; readonly region: number; readonly invoke: number };
}

/**
 * `picture-broken`: not a picture, or cut short; `picture-blank`: one even colour, as from a covered or dead camera;
 * the `vision-…` ones are the child's: it died, gave no answer in time, could not be started, or threw.
 */
export type VisionFault =
  | 'picture-broken'
  | 'picture-blank'
  | 'vision-died'
  | 'vision-timeout'
  | 'vision-down'
  | 'vision-failed';

export interface Vision {
  /**
   * Brings a runtime up and has it pass the bundle's golden samples.
   * @throws SortbinError where no runtime can serve
   */
  start(): Promise<VisionInfo>;
  /**
   * Classifies a frame. One at a time; a second one waits, a third is refused. `signal` is its deadline: when it is aborted, the work is given up, whatever
   * it hangs in, and the answer is `vision-timeout`. A fault costs this frame and nothing else: the next call waits,
   * within its own deadline, for a vision that has been restarted.
   */
  classify(frame: Frame, signal: AbortSignal): Promise<Answer<Classification, VisionFault>>;
  /** Has `listener` told when another runtime serves than `start` said: one failed, or is back. */
  onChange(listener: (info: VisionInfo) => void): void;
  close(): Promise<void>;
}
