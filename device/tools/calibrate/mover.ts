import type { Config } from '../../config/schema.js';
import type { LineFault, Off, OffReason } from '../../hardware/lines/lines.js';
import type { Answer } from '../../kit/errors.js';
import type { Key } from './calibrate.js';

export type ServoConfig = Extract<Config['gate'], { driver: 'servo' }>;
export type LinesConfig = Extract<Config['gate'], { driver: 'lines' }>;

/** A value to calibrate: a position of the servo, a point of its calibration, or the on-time of an output. */
export interface Parameter {
  /** `home`, a compartment, or a calibration point. */
  readonly name: string;
  /** The number key that selects it. null: all number keys are in use. */
  readonly digit: Key | null;
  /** The path of its key in the configuration. */
  readonly path: readonly string[];
  /** As configured. */
  readonly value: number;
  readonly unit: 'us' | 'degrees' | 'ms';
}

/** `move`: moves while the key repeats. `move-to-new-target`: the same, to another position than before. */
export type KeyEffect = 'move' | 'move-to-new-target' | 'none';

/** Moves one kind of gate by keys. */
export interface Mover {
  readonly parameters: readonly [Parameter, ...Parameter[]];
  /** The keys of this mover, for the screen. */
  readonly help: string;
  /** Selects a parameter. `currentValue`: the current value of each parameter. */
  select(parameter: Parameter, currentValue: (parameter: Parameter) => number): void;
  press(key: Key): KeyEffect;
  /** Moves until the signal is aborted, or a rule turns the output off. Resolves when everything is off. */
  move(signal: AbortSignal, lastKeyMs: () => number): Promise<void>;
  /** The value that Enter accepts. null: there is none yet. */
  readonly proposal: number | null;
  /** The current state, for the screen. */
  readonly status: string;
}

const OFF_REASONS: Record<OffReason, string> = {
  command: 'another command turned it off',
  time: 'its on-time expired',
  bound: 'it reached its maximum on-time, maxOnMs',
  lease: 'its lease expired, because this computer is too busy',
  guard: 'the lid or the service switch became active',
  gone: 'its chip was unplugged',
  down: 'the process that drives the lines exited',
};

/** Returns why an output turned off. null: it was turned off on request. */
export const unexpectedOff = (answer: Answer<Off, LineFault>, isAborted: boolean): string | null => {
  if (!answer.ok) return answer.fault.message;
  const { reason } = answer.value;
  return reason === 'command' && isAborted ? null : `off: ${OFF_REASONS[reason]}`;
};
