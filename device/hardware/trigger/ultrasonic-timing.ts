/** An HC-SR04 without an object in range ends its echo after 38 ms. Some compatible sensors need 200 ms. */
export const ECHO_MS = 60;

/** The minimum time from the start of one measurement to the start of the next. */
export const INTERVAL_MS = 60;

/** The number of measurements for one level. */
export const LEVEL_MEASUREMENTS = 3;

/** The longest time of a turn at the echo arbiter. */
const TURN_MS = Math.max(ECHO_MS, INTERVAL_MS);

/** The default deadline for a level. */
const LEVEL_MS = 1_000;
/** A busy machine takes longer than the sensors. */
const SAFETY_FACTOR = 2;

/** The configuration of a trigger or of the fill levels. */
interface ConfiguredPart {
  readonly driver: string;
  readonly sensors?: Readonly<Record<string, object>>;
}

/** The ultrasonic sensors of a bin, which measure in turns. */
export interface UltrasonicLevel {
  readonly triggers: number;
  readonly fillSensors: number;
  /** The longest time until all triggers have measured a level, on a machine that is not busy. 0 without a trigger. */
  readonly longestMs: number;
  /** The deadline for a level if none is configured. */
  readonly deadlineMs: number;
}

export const ultrasonicLevelOf = (trigger: ConfiguredPart, fill: ConfiguredPart): UltrasonicLevel => {
  const sources = trigger.driver === 'several' ? Object.values(trigger.sensors ?? {}) : [trigger];
  const triggers = sources.filter((source) => 'driver' in source && source.driver === 'ultrasonic').length;
  const fillSensors = fill.driver === 'ultrasonic' ? Object.keys(fill.sensors ?? {}).length : 0;
  // One turn for the watch and one for the level of each trigger. The fill sensors measure one after the other.
  const turns = triggers === 0 ? 0 : 2 * triggers + Math.min(fillSensors, 1);
  const longestMs = LEVEL_MEASUREMENTS * turns * TURN_MS;
  return { triggers, fillSensors, longestMs, deadlineMs: Math.max(LEVEL_MS, SAFETY_FACTOR * longestMs) };
};
