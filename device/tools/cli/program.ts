import { Command, CommanderError } from 'commander';
import { packageVersion } from '../../kit/root.js';
import { benchCommand } from './bench.js';
import { emptiedCommand, triggerCommand } from './bin-commands.js';
import { calibrateCommand } from './calibrate.js';
import { configCommand } from './config.js';
import { doctorCommand } from './doctor.js';
import { eventsCommand } from './events.js';
import { EXIT, EXIT_MEANINGS } from './failure.js';
import { modelCommand } from './model.js';
import { outboxCommand } from './outbox.js';
import { handleOutputErrors } from './output-errors.js';
import { exitCodesHelp } from './report.js';
import { runCommand } from './run.js';
import { setupCommand } from './setup.js';
import { statusCommand } from './status.js';

/** Returns the command line with all commands. */
export const makeProgram = (): Command =>
  new Command('sortbin')
    .description('A bin that sorts the waste that is thrown into it.')
    .version(packageVersion())
    // Otherwise `--version` after `model add-edgetpu` would print the version of the program.
    .enablePositionalOptions()
    .addCommand(setupCommand())
    .addCommand(runCommand())
    .addCommand(statusCommand())
    .addCommand(triggerCommand())
    .addCommand(emptiedCommand())
    .addCommand(eventsCommand())
    .addCommand(outboxCommand())
    .addCommand(benchCommand())
    .addCommand(configCommand())
    .addCommand(doctorCommand())
    .addCommand(calibrateCommand())
    .addCommand(modelCommand())
    .addHelpText('after', `${exitCodesHelp(EXIT_MEANINGS)}\n\ndocs/troubleshooting.md explains them.`);

/** Runs the command of the command line, and sets the exit code. */
export const runProgram = async (): Promise<void> => {
  handleOutputErrors(process);
  const program = makeProgram();
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
