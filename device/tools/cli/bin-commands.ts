import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { SystemClock } from '../../kit/clock.js';
import { CONTROL_SOCKET, type ControlRequest } from '../../network/commands/commands.js';
import { sendCommand } from '../../network/commands/send-command.js';
import { EXIT } from './failure.js';
import { CONFIG_OPTION, readConfig } from './loaded-config.js';

// Commands that the running bin carries out.

interface Flags {
  readonly config?: string;
  readonly json?: boolean;
}

export const triggerCommand = (): Command =>
  makeBinCommand('trigger', 'report an item to the running bin').action((flags: Flags) =>
    sendToBin({ command: 'trigger' }, flags),
  );

export const emptiedCommand = (): Command =>
  makeBinCommand('emptied', 'report an emptied compartment to the running bin')
    .argument('<compartment>', 'name of the compartment')
    .action((compartment: string, flags: Flags) => sendToBin({ command: 'emptied', compartment }, flags));

const makeBinCommand = (name: string, description: string): Command =>
  new Command(name)
    .description(description)
    .option(...CONFIG_OPTION)
    .option('--json', 'print the answer as JSON');

const sendToBin = async (request: ControlRequest, { config: file, json = false }: Flags): Promise<void> => {
  const { config, folder } = await readConfig(file);
  const socket = join(resolve(folder, config.dataDir), CONTROL_SOCKET);
  const answer = await sendCommand(socket, request, new SystemClock());
  if (json) process.stdout.write(`${JSON.stringify(answer)}\n`);
  else if (answer.ok) process.stdout.write(`${answer.value}\n`);
  else process.stderr.write(`sortbin: ${answer.fault.message}\n`);
  if (!answer.ok) process.exitCode = EXIT.data;
};
