import type { Config } from '../../config/schema.js';
import type { LineFault, Off, OffReason } from '../../hardware/lines/lines.js';
import type { Answer } from '../../kit/errors.js';
import type { Key } from './calibrate.js';

export type ServoConfig = Extract<Config['gate'], { driver: 'servo' }>;
export type LinesConfig = Extract<Config['gate'], { driver: 'lines' }>;

/** A value that can be found anew: a position of the servo, a point of its calibration, or the time of an output. */
export interface Item {
  /** `home`, the compartment, or the point. */
  readonly name: string;
  /** The number key by which it is chosen; null where those are used up. */
  readonly digit: Key | null;
  /** Of its key in the configuration. */
  readonly path: readonly string[];
  /** As the configuration has it. */
  readonly value: number;
  readonly unit: 'us' | 'degrees' | 'ms';
}

/** What moves one kind of gate by hand. */
export interface Mover {
  readonly items: readonly [Item, ...Item[]];
  /** What its keys do. */
  readonly help: string;
  /** `item` is chosen; `now`: what each stands at. */
  choose(item: Item, now: (item: Item) => number): void;
  /** What a key does: it moves while it is held, to a new place, or does nothing here. */
  press(key: Key): 'moves' | 'moves-anew' | 'nothing';
  /** Moves until the signal is aborted, or until it goes off by itself; resolves once all is off. */
  drive(signal: AbortSignal, lastKeyMs: () => number): Promise<void>;
  /** The value that Enter takes; null: there is none yet. */
  readonly offer: number | null;
  /** What is there at this moment, in words. */
  readonly state: string;
}

const UNASKED: Record<OffReason, string> = {
  command: 'somebody else turned it off',
  time: 'its time was over',
  bound: 'it reached its bound maxOnMs',
  lease: 'its lease was not renewed in time: this machine is too busy',
  guard: 'the lid or the service switch became active',
  gone: 'its chip was unplugged',
  down: 'what drives the lines died',
};

/** Why it went off, where nobody asked for it; null: somebody did. */
export const unasked = (answer: Answer<Off, LineFault>, aborted: boolean): string | null => {
  if (!answer.ok) return answer.fault.message;
  const { reason } = answer.value;
  return reason === 'command' && aborted ? null : `off: ${UNASKED[reason]}`;
};
