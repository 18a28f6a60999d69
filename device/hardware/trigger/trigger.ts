import type { Clock } from '../../kit/clock.js';
import { type Fault, SortbinError } from '../../kit/errors.js';
import type { HealthSource } from '../../kit/health.js';
import type { NewId } from '../../kit/ids.js';
import type { LineFault } from '../lines/lines.js';
import type { DistanceFault } from './ultrasonic-sensor.js';

/** The detection of an item, by a sensor or by a command. */
export interface Trigger {
  readonly id: string;
  /** The kind of sensor or command: `beam`, `interval`, `still-there` and others. */
  readonly source: string;
  /** Monotonic milliseconds. */
  readonly atMs: number;
  readonly wallMs: number;
}

export interface TriggerContext {
  readonly clock: Clock;
  readonly newId: NewId;
}

/** Returns a trigger for the monotonic time `atMs`, by default now. A time in the future becomes now. */
export const makeTrigger = (source: string, { clock, newId }: TriggerContext, atMs = Infinity): Trigger => {
  const nowMs = clock.monotonicMs();
  const ageMs = Math.max(0, nowMs - atMs);
  return { id: newId(), source, atMs: nowMs - ageMs, wallMs: Math.round(clock.wallMs() - ageMs) };
};

/** Detects items. Its health is the fault of its sensor. With several sensors, the detail names the one at fault. */
export interface TriggerSource extends HealthSource<TriggerFault> {
  /** Starts detection. Calls `onTrigger` once per detected item until `close`. */
  start(onTrigger: (trigger: Trigger) => void): void;
  /**
   * Returns whether an item is in front of the sensor now. Rejects with the signal's reason if the signal is aborted.
   * @throws TriggerError if the sensor cannot be read
   */
  level(signal: AbortSignal): Promise<boolean>;
  close(): Promise<void>;
}

/**
 * Why a sensor cannot be read: a fault of its line or of an ultrasonic measurement.
 * `sensor-failed`: its driver threw an unexpected error.
 */
export type TriggerFault = LineFault | DistanceFault | 'sensor-failed';

export class TriggerError extends SortbinError<TriggerFault> {
  override readonly name = 'TriggerError';

  constructor(readonly fault: Fault<TriggerFault>) {
    super(fault.code, fault.message);
  }
}

/** Converts the fault of a line or a measurement to the fault of its sensor, without the name of the line as detail. */
export const toTriggerFault = ({ code, message }: Fault<TriggerFault>): Fault<TriggerFault> => ({
  code,
  message,
});
