import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Config } from '../config/schema.js';
import { LockedGate } from '../hardware/gate/locked-gate.js';
import type { Input, Lines } from '../hardware/lines/lines.js';
import { LinuxMachine } from '../hardware/machine/linux-machine.js';
import type { MachineSensors } from '../hardware/machine/machine.js';
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

/** The parts that use the machine's GPIO lines, or their simulations. */
export interface Hardware {
  /** null: no part uses a line. */
  readonly lines: Lines | null;
  readonly trigger: TriggerSource;
  /** The source for the `trigger` command. It only works if the configuration has a trigger with driver `command`. */
  readonly command: CommandTrigger;
  readonly gate: LockedGate;
  readonly panel: Panel;
  /** The service switch, which locks the gate. null: not configured. */
  readonly service: Input | null;
  /** null: no fill levels are measured. */
  readonly fillParts: FillParts | null;
  /** Closes the parts, then turns all outputs off and releases the lines. */
  close(): Promise<void>;
}

export interface HardwareContext {
  readonly config: Config;
  /** The folder of the configuration, for relative paths. */
  readonly folder: string;
  /** The folder for the list of outputs. */
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The input of `sortbin-io --safe`, which turns the outputs off after sortbin and its sortbin-io have ended. */
const OUTPUTS_FILE = 'outputs.txt';

/**
 * Requests exactly the lines that the configuration names.
 * @throws SortbinError if a part cannot be created. All lines are released then, also if `signal` is aborted.
 */
export const wireHardware = async (context: HardwareContext, signal: AbortSignal): Promise<Hardware> => {
  const { config, folder, dataDir, clock, log } = context;
  const outputsFile = join(dataDir, OUTPUTS_FILE);
  const lines = new LinesOnDemand({ config, folder, outputsFile, clock, log }, signal);
  const sensors = new UltrasonicSensors(lines, clock);
  const command = new CommandTrigger({ clock, newId });
  try {
    const gate = new LockedGate(await makeGate(context, lines));
    const trigger = await makeTriggerSource({ ...context, command }, lines, sensors);
    const panel = await makePanel(config, lines, clock, log);
    const service = await openServiceSwitch(config, lines);
    const fillParts = await makeFill(config, lines, sensors, clock);
    const close = async () => {
      await Promise.all([trigger.close(), panel.close(), fillParts?.fill.close()]);
      await lines.close();
    };
    return { lines: await lines.started(), trigger, command, gate, panel, service, fillParts, close };
  } catch (thrown) {
    await lines.close();
    throw thrown;
  }
};

const openServiceSwitch = async ({ panel }: Config, lines: LinesOnDemand): Promise<Input | null> =>
  panel.service && unwrap(await (await lines.get()).input('service', inputRules(panel.service)));

/** Returns the sensors of this machine. `dataDir`: its disk is measured. */
export const makeMachineSensors = (dataDir: string): MachineSensors => new LinuxMachine({ dataDir });
