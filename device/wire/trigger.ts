import type { Logger } from 'pino';
import type { Config } from '../config/schema.js';
import type { Clock } from '../kit/clock.js';
import { newId } from '../kit/ids.js';
import { IntervalTrigger } from '../trigger/interval-trigger.js';
import { LineTrigger } from '../trigger/line-trigger.js';
import { SimulatedTrigger } from '../trigger/simulated-trigger.js';
import type { TriggerSource } from '../trigger/trigger.js';
import { UltrasonicTrigger } from '../trigger/ultrasonic-trigger.js';
import { inputRules, type LinesOnDemand, taken } from './lines.js';
import type { UltrasonicSensors } from './ultrasonic.js';

export interface TriggerSetting {
  readonly config: Pick<Config, 'trigger'>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** @throws SortbinError where a line cannot be had */
export const makeTrigger = async (
  { config, clock, log }: TriggerSetting,
  lines: LinesOnDemand,
  sensors: UltrasonicSensors,
): Promise<TriggerSource> => {
  const { trigger } = config;
  const making = { clock, newId };
  switch (trigger.driver) {
    case 'simulated':
      return new SimulatedTrigger({ script: trigger.script, repeat: trigger.repeat, ...making });
    case 'interval':
      return new IntervalTrigger({ everyMs: trigger.everyMs, ...making });
    case 'line': {
      const { source, minGapMs } = trigger;
      const input = taken(await (await lines.get()).input('sensor', inputRules(trigger.input)));
      return new LineTrigger({ input, source, minGapMs, ...making });
    }
    case 'ultrasonic': {
      const { nearMm, farMm, everyMs } = trigger;
      const sensor = await sensors.take('sensor', trigger, trigger.temperatureC);
      const onFault = (fault: { readonly message: string } | null) =>
        fault ? log.warn(`the sensor: ${fault.message}`) : log.info('the sensor works again');
      return new UltrasonicTrigger({ sensor, nearMm, farMm, everyMs, onFault, ...making });
    }
  }
};
