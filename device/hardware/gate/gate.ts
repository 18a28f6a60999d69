import type { Answer } from '../../kit/errors.js';

export { type Calibration, degreesAt, pulseAt } from './servo-pulse.js';

/** The times of a move in monotonic milliseconds. */
export interface Move {
  /** The actuator received the command. */
  readonly commandedAtMs: number;
  /** The gate was home again. */
  readonly homeAtMs: number;
}

/**
 * - `gate-jammed`: the gate did not reach the position.
 * - `gate-busy`: another move is in progress.
 * - `gate-guarded`: a guard is active, for example because the lid is open.
 * - `gate-locked`: the gate is locked for service.
 * - `gate-failed`: the driver failed, or the move was cancelled.
 */
export type GateFault = 'gate-jammed' | 'gate-busy' | 'gate-guarded' | 'gate-locked' | 'gate-failed';

/** Moves items into compartments, one at a time, and returns to a home position. */
export interface Gate {
  /**
   * Moves the item into `compartment` and returns home. Returns `gate-busy` during another move.
   * If the signal is aborted, nothing stays energised, and the promise rejects with the signal's reason.
   */
  move(compartment: string, signal: AbortSignal): Promise<Answer<Move, GateFault>>;
  /**
   * Cancels a running move, which returns `gate-failed`, and returns home. While a guard is active the result is
   * `gate-guarded`, because a hand may hold the gate. If the home switch is active, the gate is home despite the guard.
   */
  home(signal: AbortSignal): Promise<Answer<void, GateFault>>;
  /**
   * De-energises everything at once and permanently, for a daemon that stops. A running move and all later ones return
   * `gate-failed`. Never rejects.
   */
  safe(): Promise<void>;
}
