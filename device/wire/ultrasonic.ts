import type { LineFault } from '../hardware/lines/lines.js';
import { EchoArbiter } from '../hardware/trigger/echo-arbiter.js';
import { UltrasonicSensor } from '../hardware/trigger/ultrasonic-sensor.js';
import type { Clock } from '../kit/clock.js';
import { SortbinError } from '../kit/errors.js';
import {
  type InputConfig,
  inputRules,
  type LineConfig,
  type LinesOnDemand,
  type OutputConfig,
  outputRules,
  unwrap,
} from './lines.js';

/** The range of an HC-SR04. */
const MAX_MM = 4_000;

interface SensorConfig {
  readonly trig: LineConfig<OutputConfig>;
  readonly echo: LineConfig<InputConfig>;
}

/** Opens the ultrasonic sensors of a bin. They share one echo arbiter. */
export class UltrasonicSensors {
  readonly #echoArbiter: EchoArbiter;

  constructor(
    private readonly lines: LinesOnDemand,
    private readonly clock: Clock,
  ) {
    this.#echoArbiter = new EchoArbiter(clock);
  }

  /** @throws SortbinError if a line is unavailable, or its driver cannot measure the time of an echo */
  async open(name: string, { trig, echo }: SensorConfig, temperatureC: number): Promise<UltrasonicSensor> {
    if (this.lines.driver === 'onoff') throw noTimestamps(name);
    const lines = await this.lines.get();
    const rules = { ...outputRules(trig), group: null, guards: [] };
    return new UltrasonicSensor({
      trig: unwrap(await lines.output(`${name}-trig`, rules)),
      echo: unwrap(await lines.input(`${name}-echo`, inputRules(echo))),
      temperatureC,
      maxMm: MAX_MM,
      echoArbiter: this.#echoArbiter,
      clock: this.clock,
    });
  }
}

const noTimestamps = (name: string) =>
  new SortbinError<LineFault>(
    'line-unsupported',
    `"${name}": the driver onoff cannot read an ultrasonic sensor. Its edges have no timestamps of the kernel, and a ` +
      'delay of 1 ms is an error of 17 cm. Set lines.driver: sortbin-io.',
  );
