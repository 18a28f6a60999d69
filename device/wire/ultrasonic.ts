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

/** What an HC-SR04 can see. */
const MOST_MM = 4_000;

interface SensorConfig {
  readonly trig: LineConfig<OutputConfig>;
  readonly echo: LineConfig<InputConfig>;
}

/** The ultrasonic sensors of a bin, which take turns. */
export class UltrasonicSensors {
  readonly #turns: EchoArbiter;

  constructor(
    private readonly lines: LinesOnDemand,
    private readonly clock: Clock,
  ) {
    this.#turns = new EchoArbiter(clock);
  }

  /** @throws SortbinError where a line cannot be had, or its driver cannot time an echo */
  async open(name: string, { trig, echo }: SensorConfig, temperatureC: number): Promise<UltrasonicSensor> {
    if (this.lines.driver === 'onoff') throw untimed(name);
    const lines = await this.lines.get();
    const rules = { ...outputRules(trig), group: null, guards: [] };
    return new UltrasonicSensor({
      trig: unwrap(await lines.output(`${name}-trig`, rules)),
      echo: unwrap(await lines.input(`${name}-echo`, inputRules(echo))),
      temperatureC,
      maxMm: MOST_MM,
      echoArbiter: this.#turns,
      clock: this.clock,
    });
  }
}

const untimed = (name: string) =>
  new SortbinError<LineFault>(
    'line-unsupported',
    `"${name}": an ultrasonic sensor cannot be read by the driver onoff: its edges have no time of the kernel, and one ` +
      'that is noticed 1 ms late makes 17 cm; set lines.driver: sortbin-io',
  );
