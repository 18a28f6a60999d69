import type { Clock } from '../../../kit/clock.js';
import type { Fault } from '../../../kit/errors.js';
import type { LineFault } from '../lines.js';

/** What the lines of one machine know of each other. */
export interface BoardInMemory {
  readonly clock: Clock;
  /** Why `name` cannot be used at this moment. */
  fault(name: string): Fault<LineFault> | null;
  /** Whether one of these inputs is active, or cannot be read. */
  guarded(guards: readonly string[]): boolean;
  /** An output of that group that is on. */
  onOf(group: string): string | undefined;
  /** `name` became active. */
  alarm(name: string): void;
}
