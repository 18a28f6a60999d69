import { Command, CommanderError } from 'commander';
import { packageVersion } from '../../kit/root.js';
import { EXIT, EXIT_MEANINGS } from './failure.js';
import { handleOutputErrors } from './output-errors.js';
import { exitCodesHelp } from './report.js';

/** The commands in the order of the help. A module is loaded when its command is needed: a start reads many files. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  setup: async () => (await import('./setup.js')).setupCommand(),
  run: async () => (await import('./run.js')).runCommand(),
  status: async () => (await import('./status.js')).statusCommand(),
  explain: async () => (await import('./explain.js')).explainCommand(),
  topics: async () => (await import('./topics.js')).topicsCommand(),
  trigger: async () => (await import('./bin-commands.js')).triggerCommand(),
  hold: async () => (await import('./bin-commands.js')).holdCommand(),
  resume: async () => (await import('./bin-commands.js')).resumeCommand(),
  emptied: async () => (await import('./bin-commands.js')).emptiedCommand(),
  events: async () => (await import('./events.js')).eventsCommand(),
  outbox: async () => (await import('./outbox.js')).outboxCommand(),
  bench: async () => (await import('./bench.js')).benchCommand(),
  config: async () => (await import('./config.js')).configCommand(),
  doctor: async () => (await import('./doctor.js')).doctorCommand(),
  calibrate: async () => (await import('./calibrate.js')).calibrateCommand(),
  model: async () => (await import('./model.js')).modelCommand(),
  release: async () => (await import('./release.js')).releaseCommand(),
};

/** Returns the command line. `only`: a command that suffices; anything else: all commands. */
export const makeProgram = async (only?: string): Promise<Command> => {
  const one = only !== undefined && Object.hasOwn(COMMANDS, only) ? COMMANDS[only] : undefined;
  const commands = await Promise.all((one ? [one] : Object.values(COMMANDS)).map((load) => load()));
  const program = new Command('sortbin')
    .description('A bin that sorts the waste that is thrown into it.')
    .version(packageVersion())
    // Otherwise `--version` after `model add-edgetpu` would print the version of the program.
    .enablePositionalOptions()
    .addHelpText('after', `${exitCodesHelp(EXIT_MEANINGS)}\n\ndocs/troubleshooting.md explains them.`);
  for (const command of commands) program.addCommand(command);
  return program;
};

/** Runs the command of the command line, and sets the exit code. */
export const runProgram = async (): Promise<void> => {
  handleOutputErrors(process);
  const program = await makeProgram(process.argv[2]);
  throwOnExit(program);
  try {
    await program.parseAsync();
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // The message is printed already. `--help` and `--version` are no error.
    if (error.exitCode !== 0) process.exitCode = EXIT.usage;
  }
};

/** Otherwise a command line that is not valid ends the process with exit code 1. */
const throwOnExit = (command: Command): void => {
  command.exitOverride();
  for (const one of command.commands) throwOnExit(one);
};
