import type { Config } from '../config/schema.js';
import { CommandTrigger } from '../hardware/trigger/command-trigger.js';
import { CompositeTrigger } from '../hardware/trigger/composite-trigger.js';
import { IntervalTrigger } from '../hardware/trigger/interval-trigger.js';
import { LineTrigger } from '../hardware/trigger/line-trigger.js';
import { SimulatedTrigger } from '../hardware/trigger/simulated-trigger.js';
import type { TriggerSource } from '../hardware/trigger/trigger.js';
import { UltrasonicTrigger } from '../hardware/trigger/ultrasonic-trigger.js';
import type { Clock } from '../kit/clock.js';
import { newId } from '../kit/ids.js';
import { inputRules, type LinesOnDemand, unwrap } from './lines.js';
import { UltrasonicSensors } from './ultrasonic.js';

export interface TriggerSourceContext {
  readonly config: Pick<Config, 'trigger'>;
  /** The source for the `trigger` command. */
  readonly command: CommandTrigger;
  readonly clock: Clock;
}

/** @throws SortbinError if a line is unavailable */
export const makeTriggerSource = async (
  context: TriggerSourceContext,
  lines: LinesOnDemand,
  sensors: UltrasonicSensors,
): Promise<TriggerSource> => {
  const { config, clock } = context;
  const { trigger } = config;
  if (trigger.driver === 'simulated')
    return new SimulatedTrigger({ script: trigger.script, repeat: trigger.repeat, clock, newId });
  if (trigger.driver !== 'several') return makeSensor('sensor', trigger, context, lines, sensors);
  const sources = new Map<string, TriggerSource>();
  for (const [key, sensor] of Object.entries(trigger.sensors)) {
    const name = `sensor-${key}`;
    sources.set(name, await makeSensor(name, sensor, context, lines, sensors));
  }
  return new CompositeTrigger(sources);
};

/** Opens the sensors alone, for a test of them. @throws SortbinError if a line is unavailable */
export const openSensors = (
  config: Pick<Config, 'trigger'>,
  lines: LinesOnDemand,
  clock: Clock,
): Promise<TriggerSource> => {
  const command = new CommandTrigger({ clock, newId });
  return makeTriggerSource({ config, command, clock }, lines, new UltrasonicSensors(lines, clock));
};

type Sensor = Exclude<Config['trigger'], { driver: 'simulated' | 'several' }>;

const makeSensor = async (
  name: string,
  trigger: Sensor,
  { command, clock }: TriggerSourceContext,
  lines: LinesOnDemand,
  sensors: UltrasonicSensors,
): Promise<TriggerSource> => {
  const shared = { clock, newId };
  switch (trigger.driver) {
    case 'command':
      return command;
    case 'interval':
      return new IntervalTrigger({ everyMs: trigger.everyMs, ...shared });
    case 'line': {
      const { source, minGapMs } = trigger;
      const input = unwrap(await (await lines.get()).input(name, inputRules(trigger.input)));
      return new LineTrigger({ input, source, minGapMs, ...shared });
    }
    case 'ultrasonic': {
      const { nearMm, farMm, everyMs } = trigger;
      const sensor = await sensors.open(name, trigger, trigger.temperatureC);
      return new UltrasonicTrigger({ sensor, nearMm, farMm, everyMs, ...shared });
    }
  }
};
