import type { Answer } from '../../kit/errors.js';

export { type Calibration, degreesAt, pulseAt } from './servo-pulse.js';

/** When the parts of a move happened, in monotonic milliseconds. */
export interface Move {
  /** The command had reached what drives the gate. */
  readonly commandedAtMs: number;
  /** The gate was home again. */
  readonly homeAtMs: number;
}

/**
 * `gate-jammed`: it did not get there; `gate-busy`: a move was asked for during another; `gate-guarded`: a guard is
 * active, as of an open lid; `gate-locked`: it is locked for service; `gate-failed`: the driver broke, or something
 * else ended the move.
 */
export type GateFault = 'gate-jammed' | 'gate-busy' | 'gate-guarded' | 'gate-locked' | 'gate-failed';

/** What moves the item. It has a home position, and moves one item at a time. */
export interface Gate {
  /**
   * Moves the item into `compartment` and comes home. A second move during the first is refused as `gate-busy`.
   * An aborted signal ends the move: nothing stays energised, and the promise rejects with the signal's reason.
   */
  move(compartment: string, signal: AbortSignal): Promise<Answer<Move, GateFault>>;
  /**
   * Ends a running move, which answers `gate-failed`, and comes home. While a guard is active it answers
   * `gate-guarded`, unless a switch says that it is there: a hand may hold it elsewhere.
   */
  home(signal: AbortSignal): Promise<Answer<void, GateFault>>;
  /**
   * De-energises everything, at once, and stays so: a stopping daemon's last word to the gate. A running move and
   * all later ones answer `gate-failed`. Never rejects.
   */
  safe(): Promise<void>;
}
