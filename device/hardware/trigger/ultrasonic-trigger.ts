import { sleep } from '../../kit/deadline.js';
import { type Fault, messageOf } from '../../kit/errors.js';
import { type HealthListener, HealthReporter } from '../../kit/health.js';
import { absent, type PresenceRules, updatePresence } from './presence.js';
import {
  makeTrigger,
  type Trigger,
  type TriggerContext,
  TriggerError,
  type TriggerFault,
  type TriggerSource,
  toTriggerFault,
} from './trigger.js';
import type { DistanceSensor } from './ultrasonic-sensor.js';
import { LEVEL_MEASUREMENTS } from './ultrasonic-timing.js';

export interface UltrasonicTriggerOptions extends TriggerContext, PresenceRules {
  readonly sensor: DistanceSensor;
  /** The time from the end of one measurement to the start of the next. */
  readonly everyMs: number;
}

/** The number of failures in a row that are reported as a fault. The next success ends it. */
const FAULT_FAILURES = 3;

/** Triggers when an item becomes present. It must become absent before the next trigger. */
export class UltrasonicTrigger implements TriggerSource {
  #presence = absent;
  #failures = 0;
  readonly #health = new HealthReporter<TriggerFault>();
  #onTrigger: ((trigger: Trigger) => void) | null = null;
  #watching: Promise<void> = Promise.resolve();
  readonly #closing = new AbortController();

  constructor(private readonly options: UltrasonicTriggerOptions) {}

  start(onTrigger: (trigger: Trigger) => void): void {
    this.#onTrigger = onTrigger;
    this.#watching = this.#watch(this.#closing.signal);
  }

  onHealth(listener: HealthListener<TriggerFault>): void {
    this.#health.onHealth(listener);
  }

  /** Measures again three times, because the last measurements may be older than the request. */
  async level(signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    let failures = 0;
    for (let count = 0; count < LEVEL_MEASUREMENTS; count++) {
      const fault = await this.#measure(signal);
      if (fault && ++failures === LEVEL_MEASUREMENTS - 1) throw new TriggerError(fault);
    }
    return this.#presence.isPresent;
  }

  async close(): Promise<void> {
    this.#onTrigger = null;
    this.#closing.abort(new Error('the trigger is closed'));
    await this.#watching;
  }

  async #watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#measure(signal).catch((error) => {
        if (!signal.aborted) this.#reportError(error);
      });
      await sleep(this.options.clock, this.options.everyMs, signal).catch(() => {});
    }
  }

  /** Reports an unexpected error at once. The watch continues. */
  #reportError(error: unknown): void {
    const message = `sensor: the measurement failed unexpectedly (${messageOf(error)}). It is repeated.`;
    this.#health.set({ code: 'sensor-failed', message });
  }

  async #measure(signal: AbortSignal): Promise<Fault<TriggerFault> | null> {
    const answer = await this.options.sensor.measure(signal);
    const isOutOfRange = !answer.ok && answer.fault.code === 'ultrasonic-out-of-range';
    const fault = answer.ok || isOutOfRange ? null : toTriggerFault(answer.fault);
    this.#reportFault(fault);
    const wasPresent = this.#presence.isPresent;
    const distanceMm = answer.ok ? answer.value : isOutOfRange ? Infinity : null;
    this.#presence = updatePresence(this.#presence, distanceMm, this.options);
    if (this.#presence.isPresent && !wasPresent) this.#onTrigger?.(makeTrigger('ultrasonic', this.options));
    return fault;
  }

  #reportFault(fault: Fault<TriggerFault> | null): void {
    this.#failures = fault ? this.#failures + 1 : 0;
    // The first fault stays, so that a sensor with changing faults does not report each measurement.
    if (!fault || this.#failures === FAULT_FAILURES) this.#health.set(fault);
  }
}
