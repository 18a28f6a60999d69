import type { FillLevel } from '../hardware/fill/fill.js';
import type { Fault } from '../kit/errors.js';
import type { VisionInfo } from '../perception/vision/vision.js';
import type { BinEvent } from './event.js';
import type { Policy } from './policy.js';
import type { Finished, Phase } from './state.js';

/** The model that classifies the items now, and the policy that decides about them. */
export interface ServedModel {
  readonly info: VisionInfo;
  readonly labels: readonly string[];
  readonly policy: Policy;
  /**
   * Share of the sorted items that were in the right compartment, in the test of the bundle with these thresholds. null:
   * the configuration sets other thresholds, or the bundle does not state it.
   */
  readonly purity: number | null;
}

/** An event that is on disk, with the finished item that it describes. */
export interface Journalled {
  readonly event: BinEvent;
  readonly finished: Finished;
}

/**
 * Receives what happens in a bin. All methods are optional and must return at once. The daemon isolates its observers:
 * an observer that throws is logged and counted, and the cycle continues.
 */
export interface Observer {
  /** The cycle entered a phase. */
  phase?(phase: Phase): void;
  /** A fault of a part was raised or replaced; null: the part has recovered. */
  health?(part: string, fault: Fault | null): void;
  /**
   * An event is on disk. `finished`: the item that it describes; undefined for an operator's report, and for an item of
   * an earlier run.
   */
  event?(event: BinEvent, finished?: Finished): void;
  /** The fill level of a compartment has changed. */
  fill?(level: FillLevel): void;
  /** The service switch has locked or unlocked the gate. */
  locked?(locked: boolean): void;
  /** Events left a full outbox unsent. `count`: their total so far. */
  dropped?(count: number): void;
  /** The broker has refused events for good, or some were removed or are sent again. `count`: their number now. */
  undeliverable?(count: number): void;
  /** Events could not be recorded. `count`: their total so far. */
  unrecorded?(count: number): void;
  /** Another model or another runtime has become active. */
  served?(model: ServedModel): void;
}
