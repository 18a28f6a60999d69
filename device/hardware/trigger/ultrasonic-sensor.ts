import type { Clock } from '../../kit/clock.js';
import { DeadlineExceeded, withDeadline } from '../../kit/deadline.js';
import { type Answer, done, failed } from '../../kit/errors.js';
import type { Input, LineFault, Output } from '../lines/lines.js';
import type { EchoArbiter } from './echo-arbiter.js';
import { ECHO_MS } from './ultrasonic-timing.js';

/**
 * - `ultrasonic-silent`: the sensor does not answer.
 * - `ultrasonic-out-of-range`: the sensor answers, but detects nothing within its range.
 * - `ultrasonic-edges-lost`: the length of the echo is unknown.
 * - A `LineFault`: a line of the sensor failed.
 */
export type DistanceFault =
  | 'ultrasonic-silent'
  | 'ultrasonic-out-of-range'
  | 'ultrasonic-edges-lost'
  | LineFault;

/** A sensor that measures the distance to the nearest object. */
export interface DistanceSensor {
  /** Returns the distance in mm within a fraction of a second. Rejects with the signal's reason if it is aborted. */
  measure(signal: AbortSignal): Promise<Answer<number, DistanceFault>>;
}

export interface UltrasonicSensorOptions {
  readonly trig: Output;
  /** An input without debouncing. */
  readonly echo: Input;
  /** The temperature of the air in the bin. An increase of 10 degrees adds 1.7 % to the distance. */
  readonly temperatureC: number;
  /** A longer measured distance is out of range. */
  readonly maxMm: number;
  /** Shared by all sensors of a bin. */
  readonly echoArbiter: EchoArbiter;
  readonly clock: Clock;
}

const PULSE_MS = 0.02;

/** Returns the speed of sound in dry air in m/s. */
const soundSpeed = (temperatureC: number): number => 331.3 * Math.sqrt(1 + temperatureC / 273.15);

/** An HC-SR04 or a compatible sensor. After a pulse on `trig`, `echo` is active for the travel time of the sound. */
export class UltrasonicSensor implements DistanceSensor {
  constructor(private readonly options: UltrasonicSensorOptions) {}

  measure(signal: AbortSignal): Promise<Answer<number, DistanceFault>> {
    return this.options.echoArbiter.run(signal, () => this.#measure(signal));
  }

  async #measure(signal: AbortSignal): Promise<Answer<number, DistanceFault>> {
    const { trig, clock } = this.options;
    const echo = this.#captureEcho(clock.monotonicMs());
    try {
      return await withDeadline(
        clock,
        ECHO_MS,
        async (inner) => {
          const pulse = await trig.pulse(PULSE_MS, inner);
          if (!pulse.ok) return pulse;
          const { reason } = pulse.value;
          if (reason !== 'time')
            return failed(
              'line-refused',
              `"${trig.name}": the pulse was interrupted. Reason: ${reason}.`,
              trig.name,
            );
          return this.#toDistance(await echo.widthNs);
        },
        signal,
      );
    } catch (error) {
      if (signal.aborted || !(error instanceof DeadlineExceeded)) throw error;
      return echo.hasBegun() ? this.#outOfRange() : this.#silent();
    } finally {
      echo.end();
    }
  }

  /**
   * Captures the width of the first echo that begins after `fromMs`, or null if edges were lost. Older edges belong to
   * another measurement.
   */
  #captureEcho(fromMs: number) {
    let end = () => {};
    let beganNs: bigint | null = null;
    const widthNs = new Promise<bigint | null>((resolve) => {
      end = this.options.echo.onEdge(({ active, atNs, missed }) => {
        if (Number(atNs) / 1e6 < fromMs) return;
        if (missed > 0) resolve(null);
        else if (active) beganNs ??= atNs;
        else if (beganNs !== null) resolve(atNs - beganNs);
      });
    });
    return { widthNs, hasBegun: () => beganNs !== null, end };
  }

  #toDistance(widthNs: bigint | null): Answer<number, DistanceFault> {
    const { echo, temperatureC, maxMm } = this.options;
    if (widthNs === null)
      return failed(
        'ultrasonic-edges-lost',
        `"${echo.name}": edges of the echo were lost. Reduce the load of the machine.`,
      );
    // The sound travels to the object and back.
    const mm = (Number(widthNs) * soundSpeed(temperatureC) * 1e-6) / 2;
    return mm > maxMm ? this.#outOfRange() : done(mm);
  }

  #outOfRange(): Answer<number, DistanceFault> {
    const { echo, maxMm } = this.options;
    return failed('ultrasonic-out-of-range', `"${echo.name}": no object within ${maxMm} mm`);
  }

  #silent(): Answer<number, DistanceFault> {
    const { echo } = this.options;
    return failed(
      'ultrasonic-silent',
      `"${echo.name}": no echo within ${ECHO_MS} ms of the pulse. Check the sensor's power and wires.`,
    );
  }
}
