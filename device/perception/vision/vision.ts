import type { Frame } from '../../hardware/camera/camera.js';
import type { Answer } from '../../kit/errors.js';
import type { HealthSource } from '../../kit/health.js';
import type { GoldenResult } from '../inference/golden/golden.js';
import type { RuntimeName, SkippedRuntime } from '../inference/runtimes.js';

/** The runtime that executes the model. */
export interface RuntimeInfo {
  readonly name: RuntimeName | 'simulated';
  /** Name and version of the kernels, for example `xnnpack-2.9`. */
  readonly backend: string;
  readonly threads: number;
}

export interface ModelInfo {
  readonly name: string;
  readonly version: string;
  /** Digest of the model file that is executed. */
  readonly sha256: string;
}

/** The active runtime, its golden sample results, and the faster runtimes that were skipped. */
export interface VisionInfo {
  readonly model: ModelInfo;
  readonly runtime: RuntimeInfo;
  /** Display name of runtime and library: `tflite (LiteRT)`. */
  readonly title: string;
  /** Null if there are no golden samples. */
  readonly golden: GoldenResult | null;
  readonly skipped: readonly SkippedRuntime[];
}

export interface Classification {
  /** The label with the highest score. */
  readonly label: string;
  /** The score of `label`, 0 to 1: softmax of the calibrated logits. */
  readonly confidence: number;
  /** A score for each label of the model. The sum is 1. */
  readonly scores: Readonly<Record<string, number>>;
  /** How unfamiliar (out of distribution) the image is; null if the bundle has no rule for it. */
  readonly unfamiliar: { readonly score: number; readonly flag: boolean } | null;
  readonly model: ModelInfo;
  readonly runtime: RuntimeInfo;
  /** The part of the frame that was classified: x, y, width, height in pixels. */
  readonly region: readonly [number, number, number, number];
  /** The part of the region's sides that each classified view shows, above 0 to 1. */
  readonly views: readonly number[];
  readonly timingsMs: { readonly decode: number; readonly region: number; readonly invoke: number };
}

/** Measures of a frame, for the set-up of a camera. */
export interface FrameQuality {
  readonly width: number;
  readonly height: number;
  /**
   * Variance of the Laplacian of luma. It has no absolute scale: compare images of one scene. It grows with focus, and
   * also with noise.
   */
  readonly sharpness: number;
  /** 0 to 255. */
  readonly meanLuma: number;
  /** Share of pixels that are clipped to black, 0 to 1. */
  readonly darkShare: number;
  /** Share of pixels that are clipped to white, 0 to 1. */
  readonly brightShare: number;
}

/**
 * - `picture-broken`: not an image, truncated or damaged
 * - `picture-blank`: an image of one colour, as from a covered or defective camera
 * - `picture-dark`: almost black, also with the noise of the sensor
 * - `picture-overexposed`: almost white
 */
export type PictureFault = 'picture-broken' | 'picture-blank' | 'picture-dark' | 'picture-overexposed';

/**
 * - `vision-died`: the vision process exited
 * - `vision-timeout`: there was no answer before the deadline
 * - `vision-down`: vision is not started, closed, or cannot be started
 * - `vision-failed`: the classification threw an error, or too many frames are waiting
 */
export type VisionFault = PictureFault | 'vision-died' | 'vision-timeout' | 'vision-down' | 'vision-failed';

/**
 * Its health is a fault, `vision-died` or `vision-down`, while a restart is delayed or has failed. It is null when a
 * process is active again.
 */
export interface Vision extends HealthSource<VisionFault> {
  /**
   * Starts the first runtime that passes the bundle's golden samples. If `signal` is aborted, the start ends at once.
   * @throws SortbinError if there is no usable runtime; the signal's reason
   */
  start(signal: AbortSignal): Promise<VisionInfo>;
  /**
   * Classifies a frame. One frame is processed at a time. A second one waits, and a third is refused. `signal` is the
   * deadline: when it is aborted, the work is stopped, even if it hangs, and the answer is `vision-timeout`. A fault
   * affects only this frame. The next call waits, until its own deadline, for the restarted vision.
   */
  classify(frame: Frame, signal: AbortSignal): Promise<Answer<Classification, VisionFault>>;
  /** Measures a frame, beside a classification. It needs no model. `signal` is the deadline, as in `classify`. */
  inspect(frame: Frame, signal: AbortSignal): Promise<Answer<FrameQuality, VisionFault>>;
  /**
   * Encodes a frame as a JPEG file of quality 90, beside a classification. Else like `inspect`. `maxSide`: maximum width
   * and height in pixels; a larger frame is scaled down.
   */
  toJpeg(frame: Frame, signal: AbortSignal, maxSide?: number): Promise<Answer<Uint8Array, VisionFault>>;
  /**
   * Runs `work` without a process of this vision, so that an accelerator is free. Then the vision starts again, whatever
   * happened. A frame that arrives aborts the signal of `work`, and waits for the start. Rejects like `work`.
   * @throws SortbinError `vision-busy` if a frame is being processed, or no process is active
   */
  suspend<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T>;
  /** Calls `listener` when the active runtime changes after `start`, because one failed or has recovered. */
  onChange(listener: (info: VisionInfo) => void): void;
  close(): Promise<void>;
}
