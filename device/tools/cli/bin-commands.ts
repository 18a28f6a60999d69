import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { SystemClock } from '../../kit/clock.js';
import { CONTROL_SOCKET, type ControlRequest } from '../../network/commands/commands.js';
import { sendCommand } from '../../network/commands/send-command.js';
import { EXIT } from './failure.js';
import { readConfig } from './loaded-config.js';

interface Flags {
  readonly config?: string;
  readonly json?: boolean;
}

const asking = (name: string, meaning: string) =>
  new Command(name)
    .description(meaning)
    .option('-c, --config <file>', 'configuration of the bin (default: sortbin.yaml where there is one)')
    .option('--json', 'print the answer as JSON');

export const triggerCommand = (): Command =>
  asking('trigger', 'tell the running bin that an item is there').action((flags: Flags) =>
    tell({ command: 'trigger' }, flags),
  );

export const emptiedCommand = (): Command =>
  asking('emptied', 'tell the running bin that a compartment was emptied')
    .argument('<compartment>', 'its name')
    .action((compartment: string, flags: Flags) => tell({ command: 'emptied', compartment }, flags));

const tell = async (request: ControlRequest, { config: file, json = false }: Flags): Promise<void> => {
  const { config, folder } = await readConfig(file);
  const answer = await sendCommand(
    join(resolve(folder, config.dataDir), CONTROL_SOCKET),
    request,
    new SystemClock(),
  );
  if (json) process.stdout.write(`${JSON.stringify(answer)}\n`);
  else if (answer.ok) process.stdout.write(`${answer.value}\n`);
  else process.stderr.write(`sortbin: ${answer.fault.message}\n`);
  if (!answer.ok) process.exitCode = EXIT.data;
};
