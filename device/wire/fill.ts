import type { Config } from '../config/schema.js';
import type { Fill } from '../hardware/fill/fill.js';
import { SimulatedFill } from '../hardware/fill/simulated-fill.js';
import { type CompartmentSensor, UltrasonicFill } from '../hardware/fill/ultrasonic-fill.js';
import { onPress } from '../hardware/panel/line-panel.js';
import type { Clock } from '../kit/clock.js';
import { inputRules, type LinesOnDemand, unwrap } from './lines.js';
import { PRESS_GAP_MS } from './panel.js';
import type { UltrasonicSensors } from './ultrasonic.js';

/** The fill levels, and the buttons that report that a compartment was emptied. */
export interface FillParts {
  readonly fill: Fill;
  /** Calls `listener` at each press of such a button. */
  onEmptied(listener: (compartment: string) => void): void;
}

/**
 * Returns null if no fill levels are measured.
 * @throws SortbinError if a line is unavailable, or the rules of a fill sensor are invalid
 */
export const makeFill = async (
  { fill }: Pick<Config, 'fill'>,
  lines: LinesOnDemand,
  sensors: UltrasonicSensors,
  clock: Clock,
): Promise<FillParts | null> => {
  if (fill.driver === 'none') return null;
  const { fullPercent, clearPercent } = fill;
  if (fill.driver === 'simulated') {
    const compartments = [...new Set(fill.script.map(({ compartment }) => compartment))];
    const simulated = { compartments, script: fill.script, fullPercent, clearPercent, clock };
    return { fill: new SimulatedFill(simulated), onEmptied: () => {} };
  }
  const { everyMs, smoothing, temperatureC } = fill;
  const compartmentSensors: CompartmentSensor[] = [];
  for (const [compartment, config] of Object.entries(fill.sensors)) {
    const sensor = await sensors.open(`fill-${compartment}`, config, temperatureC);
    const { emptyMm, fullMm } = config;
    compartmentSensors.push({ compartment, sensor, emptyMm, fullMm, fullPercent, clearPercent, smoothing });
  }
  const buttons = new Map(
    await Promise.all(
      Object.entries(fill.emptied).map(
        async ([compartment, config]) =>
          [
            compartment,
            unwrap(await (await lines.get()).input(`emptied-${compartment}`, inputRules(config))),
          ] as const,
      ),
    ),
  );
  return {
    fill: new UltrasonicFill({ sensors: compartmentSensors, everyMs, clock }),
    onEmptied: (listener) => {
      for (const [compartment, input] of buttons)
        onPress({ input, minGapMs: PRESS_GAP_MS, clock }, () => listener(compartment));
    },
  };
};
