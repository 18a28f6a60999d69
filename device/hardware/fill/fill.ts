import type { Fault } from '../../kit/errors.js';

/** How full a compartment is. */
export interface FillLevel {
  readonly compartment: string;
  /** A whole number, 0 empty to 100 full; null: not measured yet. Where its sensor fails, the last one that was measured. */
  readonly percent: number | null;
  /** It became full, and did not go below the lower threshold since. */
  readonly full: boolean;
  /** What is wrong with its sensor. */
  readonly fault: Fault | null;
}

/** Watches how full the compartments are. */
export interface Fill {
  start(): void;
  /** Of each compartment that has a sensor, in the order of the configuration. */
  levels(): readonly FillLevel[];
  /** Has `listener` told of each change of a level; the returned function ends that. Nothing is told after `close`. */
  onChange(listener: (level: FillLevel) => void): () => void;
  /** Somebody emptied it: 0 until it is measured again, afresh. False where no such compartment has a sensor. */
  markEmptied(compartment: string): boolean;
  close(): Promise<void>;
}
