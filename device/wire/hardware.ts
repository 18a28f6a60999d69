import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Config } from '../config/schema.js';
import type { Policy } from '../cycle/policy.js';
import { LockedGate } from '../hardware/gate/locked-gate.js';
import type { Input, Lines } from '../hardware/lines/lines.js';
import type { Panel } from '../hardware/panel/panel.js';
import { CommandTrigger } from '../hardware/trigger/command-trigger.js';
import type { TriggerSource } from '../hardware/trigger/trigger.js';
import type { Clock } from '../kit/clock.js';
import { newId } from '../kit/ids.js';
import { type FillParts, makeFill } from './fill.js';
import { makeGate } from './gate.js';
import { inputRules, LinesOnDemand, unwrap } from './lines.js';
import { makePanel } from './panel.js';
import { makeTriggerSource } from './trigger.js';
import { UltrasonicSensors } from './ultrasonic.js';

/** What hangs on the machine's lines, or stands in for it. */
export interface Hardware {
  /** null: nothing hangs on any. */
  readonly lines: Lines | null;
  readonly trigger: TriggerSource;
  /** By which somebody says that an item is there; it is heeded where the configuration names it. */
  readonly command: CommandTrigger;
  readonly gate: LockedGate;
  readonly panel: Panel;
  /** The switch that locks the gate; null: there is none. */
  readonly service: Input | null;
  /** null: nobody measures. */
  readonly fillParts: FillParts | null;
}

export interface HardwareContext {
  readonly config: Config;
  /** What relative paths are relative to. */
  readonly folder: string;
  /** Where the list of the outputs is kept. */
  readonly dataDir: string;
  readonly policy: Policy;
  readonly clock: Clock;
  readonly log: Logger;
}

/** For `sortbin-io --safe`, when nobody else is left to turn the outputs off. */
const OUTPUTS_FILE = 'outputs.txt';

/** Takes the lines that the configuration names, and no others. @throws SortbinError, and no line is left taken */
export const wireHardware = async (setting: HardwareContext): Promise<Hardware> => {
  const { config, folder, dataDir, clock, log } = setting;
  const outputsFile = join(dataDir, OUTPUTS_FILE);
  const lines = new LinesOnDemand({ config, folder, outputsFile, clock, log });
  const sensors = new UltrasonicSensors(lines, clock);
  const command = new CommandTrigger({ clock, newId });
  try {
    return {
      gate: new LockedGate(await makeGate(setting, lines)),
      trigger: await makeTriggerSource({ ...setting, command }, lines, sensors),
      command,
      panel: await makePanel(config, lines, clock, log),
      service: await serviceSwitch(config, lines),
      fillParts: await makeFill(config, lines, sensors, clock),
      lines: await lines.started(),
    };
  } catch (thrown) {
    await lines.close();
    throw thrown;
  }
};

const serviceSwitch = async ({ panel }: Config, lines: LinesOnDemand): Promise<Input | null> =>
  panel.service && unwrap(await (await lines.get()).input('service', inputRules(panel.service)));
