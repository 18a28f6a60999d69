import type { Clock } from '../../../kit/clock.js';
import type { Fault } from '../../../kit/errors.js';
import type { LineFault } from '../lines.js';

/** What a simulated line can read and change on the other lines. */
export interface SimulatedBoard {
  readonly clock: Clock;
  /** Returns why line `name` cannot be used now. */
  faultOf(name: string): Fault<LineFault> | null;
  /** Returns whether one of these inputs is active or cannot be read. */
  isGuarded(guards: readonly string[]): boolean;
  /** Returns the name of an output of this group that is on. */
  outputOnIn(group: string): string | undefined;
  /** Turns off the outputs that input `name` guards. */
  tripGuard(name: string): void;
}
