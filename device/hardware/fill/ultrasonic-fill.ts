import type { Clock } from '../../kit/clock.js';
import { sleep } from '../../kit/deadline.js';
import { type Answer, type Fault, messageOf } from '../../kit/errors.js';
import type { Fill, FillLevel } from './fill.js';
import { Levels } from './levels.js';
import {
  checkFillRules,
  type FillRules,
  type FillState,
  initialFillState,
  percentOf,
  READINGS,
  READINGS_NEEDED,
  updateFill,
} from './smoothing.js';

/** A sensor that looks down into a compartment. */
export interface FillSensor {
  /** Returns the distance in mm. Rejects with the signal's reason if the signal is aborted. */
  measure(signal: AbortSignal): Promise<Answer<number>>;
}

export interface CompartmentSensor extends FillRules {
  readonly compartment: string;
  readonly sensor: FillSensor;
}

export interface UltrasonicFillOptions {
  readonly sensors: readonly CompartmentSensor[];
  /** The time from the end of one round through all sensors to the start of the next. */
  readonly everyMs: number;
  readonly clock: Clock;
}

/** Fill levels by ultrasonic sensors. They measure one after the other, because each receives the others' echoes. */
export class UltrasonicFill implements Fill {
  readonly #levels: Levels;
  readonly #states = new Map<string, FillState>();
  #watching: Promise<void> = Promise.resolve();
  readonly #closing = new AbortController();

  /** @throws SortbinError `fill-rules-invalid` */
  constructor(private readonly options: UltrasonicFillOptions) {
    const { sensors } = options;
    for (const sensor of sensors) checkFillRules(sensor.compartment, sensor);
    this.#levels = new Levels(sensors.map(({ compartment }) => compartment));
  }

  start(): void {
    if (this.options.sensors.length > 0) this.#watching = this.#watch(this.#closing.signal);
  }

  levels(): readonly FillLevel[] {
    return this.#levels.all();
  }

  onChange(listener: (level: FillLevel) => void): () => void {
    return this.#levels.onChange(listener);
  }

  markEmptied(compartment: string): boolean {
    if (!this.#levels.has(compartment)) return false;
    // A new object marks a measurement that began earlier as outdated.
    this.#states.set(compartment, { ...initialFillState });
    this.#levels.change(compartment, { percent: 0, full: false });
    return true;
  }

  async close(): Promise<void> {
    this.#levels.removeListeners();
    this.#closing.abort(new Error('the fill levels are closed'));
    await this.#watching;
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { sensors, everyMs, clock } = this.options;
    while (!signal.aborted) {
      for (const sensor of sensors)
        await this.#measure(sensor, signal).catch((error) => {
          if (!signal.aborted) this.#reportError(sensor, error);
        });
      await sleep(clock, everyMs, signal).catch(() => {});
    }
  }

  /** Reports an unexpected error. The watch continues. */
  #reportError({ compartment }: CompartmentSensor, error: unknown): void {
    const message = `fill sensor: the measurement failed unexpectedly (${messageOf(error)}). It is repeated.`;
    this.#levels.change(compartment, { fault: { code: 'sensor-failed', message } });
  }

  async #measure({ compartment, sensor, ...rules }: CompartmentSensor, signal: AbortSignal): Promise<void> {
    const before = this.#states.get(compartment) ?? initialFillState;
    const readingsMm: number[] = [];
    let fault: Fault | null = null;
    for (let count = 0; count < READINGS; count++) {
      const answer = await sensor.measure(signal);
      if (answer.ok) readingsMm.push(answer.value);
      else fault = answer.fault;
    }
    if ((this.#states.get(compartment) ?? initialFillState) !== before) return;
    const state = updateFill(before, readingsMm, rules);
    this.#states.set(compartment, state);
    const hasFailed = readingsMm.length < READINGS_NEEDED;
    this.#levels.change(compartment, {
      fault: hasFailed ? fault : null,
      ...(hasFailed || state.smoothedMm === null
        ? {}
        : { percent: percentOf(state.smoothedMm, rules), full: state.full }),
    });
  }
}
