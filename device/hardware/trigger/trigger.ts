import type { Clock } from '../../kit/clock.js';
import { SortbinError } from '../../kit/errors.js';
import type { NewId } from '../../kit/ids.js';
import type { LineFault } from '../lines/lines.js';
import type { DistanceFault } from './ultrasonic-sensor.js';

/** The moment at which a sensor, or a command, says that an item is there. */
export interface Trigger {
  readonly id: string;
  /** What spoke: `beam`, `interval`, `still-there`, … */
  readonly source: string;
  /** Monotonic milliseconds. */
  readonly atMs: number;
  readonly wallMs: number;
}

/** What every trigger is made with. */
export interface TriggerContext {
  readonly clock: Clock;
  readonly newId: NewId;
}

/** A trigger of the moment `atMs` (monotonic), now where it is left out. It is never ahead of the clock. */
export const makeTrigger = (source: string, { clock, newId }: TriggerContext, atMs = Infinity): Trigger => {
  const nowMs = clock.monotonicMs();
  const ageMs = Math.max(0, nowMs - atMs);
  return { id: newId(), source, atMs: nowMs - ageMs, wallMs: Math.round(clock.wallMs() - ageMs) };
};

/** Watches for items. */
export interface TriggerSource {
  /** Starts to watch; `onTrigger` is called once for each item noticed, never before `start`, never after `close`. */
  start(onTrigger: (trigger: Trigger) => void): void;
  /**
   * Whether something is in front of the sensor at this moment. Rejects with the signal's reason when aborted.
   * @throws TriggerError where the sensor cannot say
   */
  level(signal: AbortSignal): Promise<boolean>;
  close(): Promise<void>;
}

/** Why a sensor cannot say what is in front of it: its line's fault, or an ultrasonic sensor's own. */
export type TriggerFault = LineFault | DistanceFault;

export class TriggerError extends SortbinError<TriggerFault> {
  override readonly name = 'TriggerError';
}
