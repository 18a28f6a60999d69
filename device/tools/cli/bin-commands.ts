import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { SystemClock } from '../../kit/clock.js';
import type { Answer } from '../../kit/errors.js';
import { newId } from '../../kit/ids.js';
import { escapeControls, plain, plainLines } from '../../kit/plain-text.js';
import { CONTROL_SOCKET } from '../../network/commands/commands.js';
import { type CommandRequest, sendCommand } from '../../network/commands/send-command.js';
import { CONFIG_OPTION } from './config-option.js';
import { EXIT } from './failure.js';
import { readConfig } from './loaded-config.js';

// Commands that the running bin carries out.

/** The flags of each command that the running bin executes. */
export interface BinFlags {
  readonly config?: string;
  readonly json?: boolean;
  readonly transaction?: string;
}

const TRANSACTION = [
  '--transaction <id>',
  'id of a request that may have been sent before; it is executed at most once',
] as const;

export const triggerCommand = (): Command =>
  binCommand('trigger', 'report an item to the running bin')
    .option(...TRANSACTION)
    .action((flags: BinFlags) => sendToBin({ command: 'trigger' }, flags));

export const holdCommand = (): Command =>
  binCommand('hold', 'finish the current item, lock the gate, and ignore items until resume')
    .option(...TRANSACTION)
    .action((flags: BinFlags) => sendToBin({ command: 'hold' }, flags));

export const resumeCommand = (): Command =>
  binCommand('resume', 'end a hold: the gate moves home, and the bin sorts again')
    .option(...TRANSACTION)
    .action((flags: BinFlags) => sendToBin({ command: 'resume' }, flags));

export const emptiedCommand = (): Command =>
  binCommand('emptied', 'report an emptied compartment to the running bin')
    .argument('<compartment>', 'name of the compartment')
    .option(...TRANSACTION)
    .action((compartment: string, flags: BinFlags) => sendToBin({ command: 'emptied', compartment }, flags));

export const binCommand = (name: string, description: string): Command =>
  new Command(name)
    .description(description)
    .option(...CONFIG_OPTION)
    .option('--json', 'print the answer as JSON');

/** Sends a request, which the bin executes at most once, and prints its answer. */
const sendToBin = async (request: CommandRequest, flags: BinFlags): Promise<void> => {
  const { transaction = newId() } = flags;
  const value = await askBin({ ...request, transaction }, flags);
  if (value !== undefined && !flags.json) process.stdout.write(`${plain(textOf(String(value)))}\n`);
};

/** The value of an answer is a code for programs. */
const textOf = (value: string): string => value.replace(/^ignored: (busy|held)$/, 'ignored: the bin is $1');

/** Sends a request. Returns the value of the answer, or undefined if it is a fault, which is printed. */
export const askBin = async (request: CommandRequest, flags: BinFlags): Promise<unknown> =>
  printAnswer(await sendRequest(request, flags), flags);

/** Sends a request, and returns the answer. @throws ControlError if no bin answers */
export const sendRequest = async (
  request: CommandRequest,
  { config: file }: Pick<BinFlags, 'config'>,
): Promise<Answer<unknown>> => {
  const { config, folder } = await readConfig(file);
  const socket = join(resolve(folder, config.dataDir), CONTROL_SOCKET);
  return sendCommand(socket, request, new SystemClock());
};

/** Exit codes by the code of a fault. Each other one means that the bin has refused the command. */
const EXIT_OF: Readonly<Record<string, number>> = {
  'control-unknown': EXIT.temporary,
  'update-unreachable': EXIT.unavailable,
  'update-too-slow': EXIT.unavailable,
};

/** Prints an answer as JSON, or its fault for people. Sets the exit code of a fault. Returns the value. */
export const printAnswer = (answer: Answer<unknown>, { json = false }: Pick<BinFlags, 'json'>): unknown => {
  if (json) process.stdout.write(`${escapeControls(JSON.stringify(answer))}\n`);
  if (answer.ok) return answer.value;
  if (!json) process.stderr.write(plainLines(`sortbin: ${answer.fault.message}\n`));
  process.exitCode = EXIT_OF[answer.fault.code] ?? EXIT.data;
  return undefined;
};
