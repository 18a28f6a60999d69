import type { Fault } from '../../kit/errors.js';

/** The fill level of a compartment. */
export interface FillLevel {
  readonly compartment: string;
  /** A whole number from 0 (empty) to 100 (full). null: not measured yet. If the sensor fails, the last level stays. */
  readonly percent: number | null;
  /** Whether the level reached the upper threshold and has not fallen to the lower one since. */
  readonly full: boolean;
  /** The fault of the sensor. */
  readonly fault: Fault | null;
}

/** Measures the fill levels of the compartments. */
export interface Fill {
  start(): void;
  /** Returns the level of each compartment that has a sensor, in the order of the configuration. */
  levels(): readonly FillLevel[];
  /** Calls `listener` at each change of a level until `close`. The returned function removes the listener. */
  onChange(listener: (level: FillLevel) => void): () => void;
  /**
   * Sets the level to 0 until the next measurement and discards earlier ones. Returns false if the compartment has no
   * sensor.
   */
  markEmptied(compartment: string): boolean;
  close(): Promise<void>;
}
