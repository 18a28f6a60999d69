import type { Config } from '../config/schema.js';
import type { Fill } from '../hardware/fill/fill.js';
import { SimulatedFill } from '../hardware/fill/simulated-fill.js';
import { type Gauge, UltrasonicFill } from '../hardware/fill/ultrasonic-fill.js';
import { onPress } from '../hardware/panel/button.js';
import type { Clock } from '../kit/clock.js';
import { inputRules, type LinesOnDemand, taken } from './lines.js';
import { PRESS_GAP_MS } from './person.js';
import type { UltrasonicSensors } from './ultrasonic.js';

/** The compartments' levels, and the buttons by which a person says that one was emptied. */
export interface Filling {
  readonly fill: Fill;
  /** Has `listener` told of each press of such a button. */
  onEmptied(listener: (compartment: string) => void): void;
}

/** null: nobody measures. @throws SortbinError where a line cannot be had, or a gauge does not fit */
export const makeFill = async (
  { fill }: Pick<Config, 'fill'>,
  lines: LinesOnDemand,
  sensors: UltrasonicSensors,
  clock: Clock,
): Promise<Filling | null> => {
  if (fill.driver === 'none') return null;
  const { fullPercent, clearPercent } = fill;
  if (fill.driver === 'simulated') {
    const compartments = [...new Set(fill.script.map(({ compartment }) => compartment))];
    const simulated = { compartments, script: fill.script, fullPercent, clearPercent, clock };
    return { fill: new SimulatedFill(simulated), onEmptied: () => {} };
  }
  const { everyMs, smoothing, temperatureC } = fill;
  const gauges: Gauge[] = [];
  for (const [compartment, gauge] of Object.entries(fill.gauges)) {
    const sensor = await sensors.take(`fill-${compartment}`, gauge, temperatureC);
    const { emptyMm, fullMm } = gauge;
    gauges.push({ compartment, sensor, emptyMm, fullMm, fullPercent, clearPercent, smoothing });
  }
  const buttons = new Map(
    await Promise.all(
      Object.entries(fill.emptied).map(
        async ([compartment, config]) =>
          [
            compartment,
            taken(await (await lines.get()).input(`emptied-${compartment}`, inputRules(config))),
          ] as const,
      ),
    ),
  );
  return {
    fill: new UltrasonicFill({ gauges, everyMs, clock }),
    onEmptied: (listener) => {
      for (const [compartment, input] of buttons)
        onPress({ input, minGapMs: PRESS_GAP_MS, clock }, () => listener(compartment));
    },
  };
};
