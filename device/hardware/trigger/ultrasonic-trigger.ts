import { sleep } from '../../kit/deadline.js';
import type { Fault } from '../../kit/errors.js';
import { absent, type PresenceRules, updatePresence } from './presence.js';
import {
  makeTrigger,
  type Trigger,
  type TriggerContext,
  TriggerError,
  type TriggerFault,
  type TriggerSource,
} from './trigger.js';
import type { DistanceSensor } from './ultrasonic-sensor.js';

export interface UltrasonicTriggerOptions extends TriggerContext, PresenceRules {
  readonly sensor: DistanceSensor;
  /** The time from the end of one measurement to the start of the next. */
  readonly everyMs: number;
  /** Called with the fault after several failures in a row, and with null after the next success. */
  readonly onFault?: (fault: Fault<TriggerFault> | null) => void;
}

/** The number of measurements for one level. */
const LEVEL_MEASUREMENTS = 3;
/** The number of failures in a row that are reported as a fault. */
const FAULT_FAILURES = 3;

/** Triggers when an item becomes present. It must become absent before the next trigger. */
export class UltrasonicTrigger implements TriggerSource {
  #presence = absent;
  #failures = 0;
  #onTrigger: ((trigger: Trigger) => void) | null = null;
  #watching: Promise<void> = Promise.resolve();
  readonly #closing = new AbortController();

  constructor(private readonly options: UltrasonicTriggerOptions) {}

  start(onTrigger: (trigger: Trigger) => void): void {
    this.#onTrigger = onTrigger;
    this.#watching = this.#watch(this.#closing.signal);
  }

  /** Measures again three times, because the last measurements may be older than the request. */
  async level(signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    let failures = 0;
    for (let count = 0; count < LEVEL_MEASUREMENTS; count++) {
      const fault = await this.#measure(signal);
      if (fault && ++failures === LEVEL_MEASUREMENTS - 1) throw new TriggerError(fault.code, fault.message);
    }
    return this.#presence.isPresent;
  }

  async close(): Promise<void> {
    this.#onTrigger = null;
    this.#closing.abort(new Error('the trigger is closed'));
    await this.#watching;
  }

  async #watch(signal: AbortSignal): Promise<void> {
    try {
      while (true) {
        await this.#measure(signal);
        await sleep(this.options.clock, this.options.everyMs, signal);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  async #measure(signal: AbortSignal): Promise<Fault<TriggerFault> | null> {
    const answer = await this.options.sensor.measure(signal);
    const isOutOfRange = !answer.ok && answer.fault.code === 'ultrasonic-out-of-range';
    const fault = answer.ok || isOutOfRange ? null : answer.fault;
    this.#reportFault(fault);
    const wasPresent = this.#presence.isPresent;
    const distanceMm = answer.ok ? answer.value : isOutOfRange ? Infinity : null;
    this.#presence = updatePresence(this.#presence, distanceMm, this.options);
    if (this.#presence.isPresent && !wasPresent) this.#onTrigger?.(makeTrigger('ultrasonic', this.options));
    return fault;
  }

  #reportFault(fault: Fault<TriggerFault> | null): void {
    const earlier = this.#failures;
    this.#failures = fault ? earlier + 1 : 0;
    if (this.#failures === FAULT_FAILURES) this.options.onFault?.(fault);
    if (!fault && earlier >= FAULT_FAILURES) this.options.onFault?.(null);
  }
}
