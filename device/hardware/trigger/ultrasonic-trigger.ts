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
  /** From the end of one measure to the next. */
  readonly everyMs: number;
  /** Told when several measures in a row failed, and (null) when one works again. */
  readonly onFault?: (fault: Fault<TriggerFault> | null) => void;
}

/** So many measures, where the level is asked for; so many that fail in a row are a fault. */
const MEASURES = 3;

/** Something is there when it is near in two of three measures, and the next one when it was far again meanwhile. */
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

  /** By three measures of its own: what the last ones said may be older than the question. */
  async level(signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    let failures = 0;
    for (let measure = 0; measure < MEASURES; measure++) {
      const fault = await this.#look(signal);
      if (fault && ++failures === MEASURES - 1) throw new TriggerError(fault.code, fault.message);
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
        await this.#look(signal);
        await sleep(this.options.clock, this.options.everyMs, signal);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  async #look(signal: AbortSignal): Promise<Fault<TriggerFault> | null> {
    const answer = await this.options.sensor.measure(signal);
    const nothing = !answer.ok && answer.fault.code === 'ultrasonic-out-of-range';
    const fault = answer.ok || nothing ? null : answer.fault;
    this.#judge(fault);
    const before = this.#presence.isPresent;
    const distanceMm = answer.ok ? answer.value : nothing ? Infinity : null;
    this.#presence = updatePresence(this.#presence, distanceMm, this.options);
    if (this.#presence.isPresent && !before) this.#onTrigger?.(makeTrigger('ultrasonic', this.options));
    return fault;
  }

  #judge(fault: Fault<TriggerFault> | null): void {
    const before = this.#failures;
    this.#failures = fault ? before + 1 : 0;
    if (this.#failures === MEASURES) this.options.onFault?.(fault);
    if (!fault && before >= MEASURES) this.options.onFault?.(null);
  }
}
