import type { Clock } from '../../kit/clock.js';
import { DeadlineExceeded, withDeadline } from '../../kit/deadline.js';
import { type Answer, done, failed } from '../../kit/errors.js';
import type { Input, LineFault, Output } from '../lines/lines.js';
import type { EchoArbiter } from './echo-arbiter.js';

/**
 * `ultrasonic-silent`: the sensor does not answer at all; `ultrasonic-out-of-range`: it answers, but nothing that it can
 * see is in front of it; `ultrasonic-edges-lost`: the echo's length is not known; or a fault of its lines.
 */
export type DistanceFault =
  | 'ultrasonic-silent'
  | 'ultrasonic-out-of-range'
  | 'ultrasonic-edges-lost'
  | LineFault;

/** Says how far away the next thing is. */
export interface DistanceSensor {
  /** In mm, within a fraction of a second. Rejects with the signal's reason when aborted. */
  measure(signal: AbortSignal): Promise<Answer<number, DistanceFault>>;
}

export interface UltrasonicSensorOptions {
  readonly trig: Output;
  /** Without debouncing. */
  readonly echo: Input;
  /** Of the air in the bin: 10 degrees more are 1.7 % more mm. */
  readonly temperatureC: number;
  /** What is said to be farther is out of range. */
  readonly maxMm: number;
  /** Shared by all sensors of a bin. */
  readonly echoArbiter: EchoArbiter;
  readonly clock: Clock;
}

const PULSE_MS = 0.02;

/** An HC-SR04 that sees nothing ends its echo by itself after 38 ms, some of its kin after 200. */
const ECHO_MS = 60;

/** Of dry air, in m/s. */
export const soundSpeed = (temperatureC: number): number => 331.3 * Math.sqrt(1 + temperatureC / 273.15);

/** An HC-SR04 or one of its kin: a pulse on `trig`, and `echo` is active for as long as the sound was under way. */
export class UltrasonicSensor implements DistanceSensor {
  constructor(private readonly options: UltrasonicSensorOptions) {}

  measure(signal: AbortSignal): Promise<Answer<number, DistanceFault>> {
    return this.options.echoArbiter.run(signal, () => this.#measure(signal));
  }

  async #measure(signal: AbortSignal): Promise<Answer<number, DistanceFault>> {
    const { trig, clock } = this.options;
    const heard = this.#listen(clock.monotonicMs());
    try {
      return await withDeadline(
        clock,
        ECHO_MS,
        async (inner) => {
          const pulse = await trig.pulse(PULSE_MS, inner);
          if (!pulse.ok) return pulse;
          const { reason } = pulse.value;
          if (reason !== 'time')
            return failed('line-refused', `${trig.name}: its pulse was ended (${reason})`);
          return this.#answer(await heard.widthNs);
        },
        signal,
      );
    } catch (error) {
      if (signal.aborted || !(error instanceof DeadlineExceeded)) throw error;
      return heard.begun() ? this.#outOfRange() : this.#silent();
    } finally {
      heard.end();
    }
  }

  /** The length of the first echo that begins after `fromMs`; null where edges were lost. What is older is not ours. */
  #listen(fromMs: number) {
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
    return { widthNs, begun: () => beganNs !== null, end };
  }

  #answer(widthNs: bigint | null): Answer<number, DistanceFault> {
    const { echo, temperatureC, maxMm } = this.options;
    if (widthNs === null)
      return failed(
        'ultrasonic-edges-lost',
        `${echo.name}: edges of the echo were lost; the machine is too busy`,
      );
    // There and back.
    const mm = (Number(widthNs) * soundSpeed(temperatureC) * 1e-6) / 2;
    return mm > maxMm ? this.#outOfRange() : done(mm);
  }

  #outOfRange(): Answer<number, DistanceFault> {
    const { echo, maxMm } = this.options;
    return failed('ultrasonic-out-of-range', `${echo.name}: nothing within ${maxMm} mm threw the sound back`);
  }

  #silent(): Answer<number, DistanceFault> {
    const { echo } = this.options;
    return failed(
      'ultrasonic-silent',
      `${echo.name}: no echo began within ${ECHO_MS} ms of the pulse; check the sensor's power and wires`,
    );
  }
}
