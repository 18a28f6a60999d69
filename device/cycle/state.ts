import type { Frame } from '../hardware/camera/camera.js';
import type { Move } from '../hardware/gate/gate.js';
import type { Trigger } from '../hardware/trigger/trigger.js';
import type { Fault } from '../kit/errors.js';
import type { Classification } from '../perception/vision/vision.js';
import type { Decision, Thresholds } from './policy.js';

/** Deadlines of each step, in milliseconds, and how often an item that is still present is tried again. */
export interface Limits {
  readonly recordMs: number;
  readonly captureMs: number;
  readonly classifyMs: number;
  readonly moveMs: number;
  readonly homeMs: number;
  readonly levelMs: number;
  /** Pause before a gate that is not home is tried again, or a sensor that still detects an item is read again. */
  readonly homeRetryMs: number;
  /** Pause after a move that a guard or a lock prevented, before the sensor is read. */
  readonly handsMs: number;
  /** The triggers of this time become one event while the bin is held. */
  readonly heldMs: number;
  readonly stillThereLimit: number;
}

export const OUTCOMES = ['sorted', 'refused', 'ignored', 'failed', 'interrupted'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** The parts whose health the cycle reports. */
export type Part = 'journal' | 'camera' | 'vision' | 'gate' | 'sensor' | 'item';

/** One item in the cycle. Optional keys are set as the item passes through its steps. */
export interface Item {
  readonly id: string;
  readonly trigger: Trigger;
  /** Operation number of the request that writes its row to disk. */
  readonly recordOp: number;
  readonly recorded: 'waiting' | 'yes' | 'no';
  readonly askedAtMs: number;
  readonly captureMs?: number;
  readonly frame?: Frame;
  readonly classification?: Classification;
  readonly decision?: Decision;
  readonly thresholds?: Thresholds;
  readonly decideMs?: number;
  readonly moveAskedAtMs?: number;
  readonly move?: Move;
  readonly fault?: Fault;
}

/** The triggers that arrived while the bin was busy: one row and one event, with their count. */
export interface Burst {
  readonly id: string;
  readonly trigger: Trigger;
  readonly count: number;
  /** Whether the bin was held, and not only busy. */
  readonly isHeld: boolean;
}

export interface Finished {
  readonly item: Pick<Item, 'id' | 'trigger'> & Partial<Item>;
  readonly outcome: Outcome;
  readonly decision: Decision | null;
  readonly fault: Fault | null;
  /** Number of triggers of a burst. */
  readonly count?: number;
  readonly atMs: number;
}

export type Request =
  | { readonly kind: 'record'; readonly id: string; readonly trigger: Trigger }
  | { readonly kind: 'home' }
  | { readonly kind: 'capture'; readonly afterMs: number }
  | { readonly kind: 'classify'; readonly frame: Frame }
  | { readonly kind: 'move'; readonly compartment: string }
  | { readonly kind: 'level' }
  | { readonly kind: 'pause' };

export type Effect =
  | { readonly type: 'request'; readonly op: number; readonly withinMs: number; readonly request: Request }
  /** Write the row of a burst with its present count. */
  | { readonly type: 'count'; readonly burst: Burst }
  | { readonly type: 'finish'; readonly finished: Finished }
  | { readonly type: 'health'; readonly part: Part; readonly fault: Fault | null }
  | { readonly type: 'safe' };

export type Response =
  | { readonly kind: 'recorded' }
  | { readonly kind: 'homed' }
  | { readonly kind: 'frame'; readonly frame: Frame }
  | {
      readonly kind: 'classified';
      readonly classification: Classification;
      readonly decision: Decision;
      readonly thresholds: Thresholds;
      readonly decideMs: number;
    }
  | { readonly kind: 'moved'; readonly move: Move }
  /** If something is `present`, the new item gets this `trigger` and `itemId`. */
  | { readonly kind: 'level'; readonly present: boolean; readonly trigger: Trigger; readonly itemId: string }
  | { readonly kind: 'paused' };

export type Input = { readonly atMs: number } & (
  | { readonly type: 'start' }
  | { readonly type: 'trigger'; readonly trigger: Trigger; readonly itemId: string }
  | { readonly type: 'answer'; readonly op: number; readonly answer: Response }
  | { readonly type: 'fault'; readonly op: number; readonly fault: Fault }
  | { readonly type: 'timeout'; readonly op: number }
  /** The current item is finished, and no other one is begun until `resume`. */
  | { readonly type: 'hold' }
  | { readonly type: 'resume' }
  | { readonly type: 'stop' }
);

export type Phase =
  | 'new'
  | 'idle'
  | 'homing'
  | 'capturing'
  | 'classifying'
  | 'recording'
  | 'moving'
  | 'recovering'
  | 'looking'
  | 'resting'
  | 'held'
  | 'stopped';

export interface State {
  readonly phase: Phase;
  readonly nextOp: number;
  /** The operation whose answer ends the phase. null: the phase waits for a trigger, or only for the record. */
  readonly op: number | null;
  readonly item: Item | null;
  readonly burst: Burst | null;
  readonly gateHome: boolean;
  readonly isHeld: boolean;
  /** How many times in a row an item was still present. */
  readonly stillThere: number;
}

export interface Transition {
  readonly state: State;
  readonly effects: readonly Effect[];
}

export const initialState: State = {
  phase: 'new',
  nextOp: 1,
  op: null,
  item: null,
  burst: null,
  gateHome: false,
  isHeld: false,
  stillThere: 0,
};
